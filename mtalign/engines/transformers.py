"""The reference engine: MarianMT, NLLB and M2M100 checkpoints in torch, 32-bit, by the true model classes.

Decoding is set so that it is the same search as CTranslate2's: a sentence is done when as many hypotheses
as beams have ended, the end is never forced at the length limit, an output is never empty, and ``<unk>`` and
``<pad>`` are never written.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtalign.engines.base import Decoding, Hypothesis, Request, ResolvedModel
from mtalign.engines.batching import by_terms, choose, make_batches, output_limit
from mtalign.engines.checkpoint import (
    checked_family,
    forbidden_sequences,
    is_converted,
    position_limit,
    require_file,
    source_limit,
    unknown_language,
)
from mtalign.engines.tokenization import MarianLanguages
from mtalign.errors import EngineError, ModelError
from mtalign.languages import Language

_MODEL_CLASSES = {"marian": "MarianMTModel", "m2m100": "M2M100ForConditionalGeneration"}


def load(
    model: ResolvedModel, *, threads: int | None = None, batch_size: int = 16, padding: bool = False
) -> TransformersEngine:
    """Load a checkpoint from its directory; nothing is fetched and no code of the checkpoint is run.

    Args:
        model: a checkpoint directory.
        threads: torch's thread count, which is one number for the whole process; default torch's own.
        batch_size: sentences decoded together, at most.
        padding: let sentences of unequal length share a batch; an output may then depend on its batch.

    Raises:
        ModelError: a file is missing or damaged, a weight is missing, or it is another architecture.
    """
    import torch
    import transformers

    family = checked_family(model)
    if is_converted(model.path):
        raise ModelError(f"{model.path} is a CTranslate2 directory", hint="it runs with --engine ctranslate2")
    if threads:
        torch.set_num_threads(threads)
    network = load_checkpoint(getattr(transformers, _MODEL_CLASSES[family]), model.path, dtype=torch.float32)
    # generate() takes what a call leaves open from here; an end forced at the limit would look finished.
    network.generation_config = transformers.GenerationConfig()
    return TransformersEngine(
        model=model,
        version=f"transformers {transformers.__version__} torch {torch.__version__}"
        + (" padded" if padding else ""),
        network=network.eval(),
        tokenizer=_load_tokenizer(model),
        decoded_together=batch_size,
        batch_size=4 * batch_size,  # enough to find sentences of equal length
        padding=padding,
    )


def load_checkpoint(model_class: Any, path: Path, dtype: Any) -> Any:
    """``model_class.from_pretrained`` that refuses a checkpoint which lacks weights.

    transformers fills missing or misshapen weights with random numbers and goes on.

    Raises:
        ModelError: the weights are missing, damaged or not whole.
    """
    import transformers

    # transformers keeps its loaders' own errors (safetensors, pickle, zip): they share no base class.
    try:
        with quiet_transformers():
            network, report = model_class.from_pretrained(
                path,
                dtype=dtype,
                local_files_only=True,
                weights_only=True,
                output_loading_info=True,
                **({"trust_remote_code": False} if transformers.__version__.startswith("4.") else {}),
            )
    except Exception as error:
        raise ModelError(
            f"the weights in {path} cannot be loaded: {_first_line(error)}", hint="fetch the model again"
        ) from error
    lost = sorted({*report["missing_keys"], *(str(key) for key in report["mismatched_keys"])})
    if lost:
        raise ModelError(
            f"the weights in {path} lack {lost[0]}" + (f" and {len(lost) - 1} more" if lost[1:] else ""),
            hint="fetch the model again",
        )
    return network


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers' warnings and progress bars off stderr, and put its settings back."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


class TransformersEngine:
    """A loaded ``MarianMTModel`` or ``M2M100ForConditionalGeneration`` with its own tokenizer."""

    name = "transformers"
    takes_terms = True

    def __init__(
        self,
        *,
        model: ResolvedModel,
        version: str,
        network: Any,
        tokenizer: Any,
        decoded_together: int,
        batch_size: int,
        padding: bool,
    ) -> None:
        """Take the parts that :func:`load` has made."""
        self.model = model
        self.version = version
        self.batch_size = batch_size
        self._decoded_together = decoded_together
        self._padding = padding
        self._network = network
        self._tokenizer = tokenizer
        self._vocabulary: dict[str, int] = tokenizer.get_vocab()
        self._marian_languages = MarianLanguages(model, self._vocabulary)
        self._start_id = int(network.config.decoder_start_token_id)
        self._positions = position_limit(model.path, model.family)
        pad = tokenizer.pad_token_id
        self._forbidden = [[pad], *(s for s in forbidden_sequences(model.path) if s != [pad])]

    def context_segments(self, decoding: Decoding) -> int:
        """None: these models read one sentence."""
        return 0

    def translate(self, requests: Sequence[Request], decoding: Decoding) -> list[Hypothesis]:
        """Translate ``requests`` in batches of equal source length.

        One with terms gets the best of ``N_BEST`` hypotheses among those that hold the most of them.
        """
        if self._network is None:
            raise EngineError("the engine is closed")
        sources = [self._source_ids(request) for request in requests]
        hypotheses: list[Hypothesis | None] = [None] * len(requests)
        lengths = [len(ids) for ids in sources]
        limits = [output_limit(length, decoding, self.max_target_tokens) for length in lengths]
        targets = [request.target for request in requests]
        try:
            with quiet_transformers():
                for group, beam, size in by_terms(requests, decoding, self._decoded_together):
                    for batch in make_batches(
                        [lengths[index] for index in group],
                        [targets[index] for index in group],
                        [limits[index] for index in group],
                        size,
                        padding=self._padding,
                    ):
                        indices = [group[place] for place in batch.indices]
                        lists = self._generate(
                            [sources[index] for index in indices],
                            self._target_code(targets[indices[0]]),
                            replace(decoding, beam=beam),
                            batch.limit,
                            beam if requests[indices[0]].terms else 1,
                        )
                        for index, rows in zip(indices, lists, strict=True):
                            code = self._target_code(targets[index])
                            chosen = choose(
                                requests[index], [self._hypothesis(row[: limits[index]]) for row in rows]
                            )
                            hypotheses[index] = self._scored(sources[index], code, chosen)
        except (RuntimeError, ValueError, IndexError, MemoryError) as error:
            raise EngineError(f"transformers failed: {_first_line(error)}") from error
        return [hypothesis for hypothesis in hypotheses if hypothesis is not None]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Length of each text in source tokens, language codes and end of sentence included."""
        special = 1 if self.model.family == "marian" and not self._marian_languages.codes else 2
        return [len(self._pieces(text)) + special for text in texts]

    def knows(self, text: str) -> bool:
        """Whether the vocabulary can represent all of ``text``."""
        return self._tokenizer.unk_token_id not in self._pieces(text)

    @property
    def max_source_tokens(self) -> int:
        """What the model translates well in one piece, at most what it has positions for."""
        return source_limit(self.model.family, self._positions)

    @property
    def max_target_tokens(self) -> int:
        """How many tokens the decoder can write after its start token and language code."""
        return self._positions - 2

    def close(self) -> None:
        """Free the weights."""
        self._network = None

    def _pieces(self, text: str) -> list[int]:
        """Token ids of ``text`` by the tokenizer class, nothing in it taken for a special token."""
        if self.model.family == "marian":
            # The class takes a leading ">>fra<<" for a language code; behind a space it does not.
            guarded = f" {text}" if text.startswith(">>") else text
            tokens = self._tokenizer.tokenize(guarded, split_special_tokens=True)
            return list(self._tokenizer.convert_tokens_to_ids(tokens))
        encoded = self._tokenizer(text, add_special_tokens=False, split_special_tokens=True, verbose=False)
        return list(encoded.input_ids)

    def _source_ids(self, request: Request) -> list[int]:
        """What the encoder gets: ``[>>eng<<] pieces </s>`` or ``kor_Hang pieces </s>``."""
        pieces = self._pieces(request.text)
        if not pieces:
            raise EngineError("a text without any token cannot be translated")
        if self.model.family == "marian":
            prefix = [
                self._vocabulary[token]
                for token in self._marian_languages.prefix(request.source, request.target)
            ]
        else:
            self._language_id(request.target)
            prefix = [self._language_id(request.source)]
        ids = [*prefix, *pieces, self._tokenizer.eos_token_id]
        if len(ids) > self._positions:
            raise EngineError(
                f"a sentence of {len(ids)} tokens is longer than the model's {self._positions}",
                hint="split it",
            )
        return ids

    def _target_code(self, target: Language) -> list[int]:
        """The language code that the decoder is made to write first, for NLLB and M2M100."""
        return [] if self.model.family == "marian" else [self._language_id(target)]

    def _language_id(self, language: Language) -> int:
        for token in (language.nllb, f"__{language.primary}__"):
            if token in self._vocabulary:
                return self._vocabulary[token]
        raise unknown_language(
            self.model, language, f"it has no token {language.nllb} or __{language.code}__"
        )

    def _generate(
        self,
        sources: list[list[int]],
        target_code: list[int],
        decoding: Decoding,
        limit: int,
        hypotheses: int,
    ) -> list[list[list[int]]]:
        """What the decoder writes for each source after ``target_code``, up to the end of sentence.

        Gives as many ``hypotheses`` for each source, the best first.
        """
        import torch
        from transformers import GenerationConfig, LogitsProcessorList, RepetitionPenaltyLogitsProcessor

        tokenizer, prefix = self._tokenizer, len(target_code)
        configuration = GenerationConfig(
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            decoder_start_token_id=self._start_id,
            forced_bos_token_id=target_code[0] if target_code else None,
            num_beams=decoding.beam,
            num_return_sequences=hypotheses,
            do_sample=False,
            early_stopping=decoding.beam > 1,
            length_penalty=1.0,
            max_length=1 + prefix + limit,
            min_new_tokens=prefix + 1,
            no_repeat_ngram_size=decoding.no_repeat_ngram or None,
            suppress_tokens=[tokenizer.unk_token_id],
            bad_words_ids=self._forbidden,
            renormalize_logits=True,
        )
        processors = LogitsProcessorList()
        if decoding.repetition_penalty != 1:
            # The start token of NLLB is </s>: penalised as a repetition, it would keep sentences from ending.
            processors.append(
                RepetitionPenaltyLogitsProcessor(decoding.repetition_penalty, prompt_ignore_length=1)
            )
        width = max(map(len, sources))
        padded = [ids + [tokenizer.pad_token_id] * (width - len(ids)) for ids in sources]
        mask = [[1] * len(ids) + [0] * (width - len(ids)) for ids in sources]
        with torch.inference_mode():
            sequences = self._network.generate(
                input_ids=torch.tensor(padded),
                attention_mask=torch.tensor(mask),
                generation_config=configuration,
                logits_processor=processors,
            )
        end = tokenizer.eos_token_id
        rows = [row[1 + prefix :] for row in sequences.tolist()]
        whole = [row[: row.index(end) + 1] if end in row else row for row in rows]
        return [whole[start : start + hypotheses] for start in range(0, len(whole), hypotheses)]

    def _hypothesis(self, written: list[int]) -> Hypothesis:
        finished = bool(written) and written[-1] == self._tokenizer.eos_token_id
        content = written[:-1] if finished else written
        return Hypothesis(
            text=self._tokenizer.decode(
                content, skip_special_tokens=True, clean_up_tokenization_spaces=False
            ).strip(),
            tokens=len(written),
            finished=finished,
            token_ids=tuple(content),
        )

    def _scored(self, source: list[int], target_code: list[int], chosen: Hypothesis) -> Hypothesis:
        written = [*chosen.token_ids, *([self._tokenizer.eos_token_id] if chosen.finished else [])]
        return replace(chosen, score=self._score(source, [self._start_id, *target_code], written))

    def _score(self, source: list[int], prompt: list[int], written: list[int]) -> float:
        """Mean log-probability of ``written``, by one pass over it; every step's scores are gigabytes."""
        import torch

        forbidden = [self._tokenizer.unk_token_id, self._tokenizer.pad_token_id]
        with torch.inference_mode():
            logits = self._network(
                input_ids=torch.tensor([source]), decoder_input_ids=torch.tensor([prompt + written[:-1]])
            ).logits[0, len(prompt) - 1 :]
            logits[:, forbidden] = float("-inf")
            logits[0, self._tokenizer.eos_token_id] = float("-inf")  # an empty output is forbidden
            chosen = logits.log_softmax(-1).gather(1, torch.tensor(written)[:, None])
            return float(chosen.mean())


def _load_tokenizer(model: ResolvedModel) -> Any:
    import transformers

    if model.family == "marian":
        name = "MarianTokenizer"
    elif (model.path / "vocab.json").is_file():
        name = "M2M100Tokenizer"
    else:
        require_file(model.path / "tokenizer.json")
        name = "NllbTokenizer"
    try:
        with quiet_transformers():
            return getattr(transformers, name).from_pretrained(model.path, local_files_only=True)
    except Exception as error:  # from sentencepiece, tokenizers, json and transformers alike
        raise ModelError(
            f"the tokenizer in {model.path} cannot be loaded: {_first_line(error)}",
            hint="fetch the model again",
        ) from error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
