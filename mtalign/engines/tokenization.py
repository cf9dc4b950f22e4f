"""The tokenizers of MarianMT, NLLB and M2M100 checkpoints without torch and transformers.

They give the same tokens as the transformers classes, with one difference on purpose: text from a document is
data. ``</s>``, ``eng_Latn`` or ``>>fra<<`` in a sentence is cut into pieces like any other text and never
becomes an end, a language or padding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from mtalign.engines.base import ResolvedModel
from mtalign.engines.checkpoint import (
    check_marian_pair,
    missing_file,
    read_json,
    require_file,
    unknown_language,
)
from mtalign.errors import ModelError
from mtalign.languages import Language

END = "</s>"
UNKNOWN = "<unk>"


class Tokenizer(Protocol):
    """Text to source tokens, and target tokens to text."""

    special_tokens: int
    """How many tokens :meth:`wrap` adds to a text."""

    def pieces(self, text: str) -> list[str]:
        """The tokens of ``text`` itself."""
        ...

    def target_pieces(self, text: str) -> list[str]:
        """The tokens that ``text`` is written with."""
        ...

    def target_vocabulary(self) -> list[str]:
        """All that text is written with, likeliest first; nothing where all languages share the tokens."""
        ...

    def wrap(self, pieces: Sequence[str], source: Language, target: Language) -> list[str]:
        """What the encoder gets: ``pieces`` with language codes and the end of sentence.

        Raises:
            LanguageError: the model does not know one of the languages.
        """
        ...

    def target_prefix(self, target: Language) -> list[str]:
        """Tokens the decoder is made to begin with, after its start token."""
        ...

    def text(self, tokens: Sequence[str]) -> str:
        """The text of target tokens, special tokens left out."""
        ...


def load_tokenizer(model: ResolvedModel, vocabulary: Sequence[str]) -> Tokenizer:
    """The tokenizer of a checkpoint whose tokens are ``vocabulary``.

    Raises:
        ModelError: a tokenizer file is missing or damaged; names the file.
    """
    if model.family == "marian":
        return MarianTokenizer(model, vocabulary)
    if (model.path / "tokenizer.json").is_file() and not (model.path / "vocab.json").is_file():
        return NllbTokenizer(model, vocabulary)
    if (model.path / "sentencepiece.bpe.model").is_file():
        return SentencePieceM2M100Tokenizer(model, vocabulary)
    raise missing_file(model.path / "tokenizer.json")


class MarianLanguages:
    """Which languages a MarianMT checkpoint takes, and the token that says the target language to it."""

    def __init__(self, model: ResolvedModel, vocabulary: Iterable[str]) -> None:
        """Take the target languages from the ``>>eng<<`` tokens of ``vocabulary``."""
        self._model = model
        self.codes = [token[2:-2] for token in vocabulary if token.startswith(">>") and token.endswith("<<")]
        self._prefixes: dict[tuple[Language, Language], list[str]] = {}

    def prefix(self, source: Language, target: Language) -> list[str]:
        """``[">>eng<<"]`` for a model with several target languages, else ``[]``.

        Raises:
            LanguageError: the model does not know one of the languages.
        """
        pair = (source, target)
        if pair not in self._prefixes:
            check_marian_pair(self._model, source, target)
            self._prefixes[pair] = self._target_token(target)
        return self._prefixes[pair]

    def _target_token(self, target: Language) -> list[str]:
        if not self.codes:
            return []
        for code in (target.nllb[:3], target.primary, target.nllb):
            if code in self.codes:
                return [f">>{code}<<"]
        raise unknown_language(self._model, target, f"it writes {', '.join(self.codes[:8])}")


class MarianTokenizer:
    """``source.spm`` and ``target.spm`` over one vocabulary."""

    def __init__(self, model: ResolvedModel, vocabulary: Sequence[str]) -> None:
        self._source = load_sentencepiece(model.path / "source.spm")
        self._target = load_sentencepiece(model.path / "target.spm")
        self._languages = MarianLanguages(model, vocabulary)
        self.special_tokens = 2 if self._languages.codes else 1

    def pieces(self, text: str) -> list[str]:
        """The tokens of ``text``."""
        return list(self._source.encode(text, out_type=str))

    def target_pieces(self, text: str) -> list[str]:
        """The tokens that ``text`` is written with."""
        return list(self._target.encode(text, out_type=str))

    def target_vocabulary(self) -> list[str]:
        """The pieces of ``target.spm``, by their probability in its unigram model."""
        pieces = self._target
        own = (number for number in range(pieces.get_piece_size()) if not _is_special(pieces, number))
        ranked = sorted(own, key=lambda number: (-pieces.get_score(number), number))
        return [str(pieces.id_to_piece(number)) for number in ranked]

    def wrap(self, pieces: Sequence[str], source: Language, target: Language) -> list[str]:
        """``[>>eng<<] pieces </s>``."""
        return [*self._languages.prefix(source, target), *pieces, END]

    def target_prefix(self, target: Language) -> list[str]:
        """Nothing: the target language is said on the source side."""
        return []

    def text(self, tokens: Sequence[str]) -> str:
        """The text of target tokens."""
        return _joined(self._target, tokens)


class NllbTokenizer:
    """``tokenizer.json`` of an NLLB checkpoint, run by the tokenizers library as transformers does."""

    special_tokens = 2

    def __init__(self, model: ResolvedModel, vocabulary: Sequence[str]) -> None:
        from tokenizers import Tokenizer as TokenizerJson

        self._model = model
        self._known = frozenset(vocabulary)
        path = model.path / "tokenizer.json"
        try:
            self._tokenizer = TokenizerJson.from_file(str(path))
        except Exception as error:  # the library raises bare Exception
            raise ModelError(f"{path} is damaged: {error}", hint="fetch the model again") from error
        self._tokenizer.encode_special_tokens = True
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def pieces(self, text: str) -> list[str]:
        """The tokens of ``text``."""
        tokens = self._tokenizer.encode(text, add_special_tokens=False).tokens
        return [token if token in self._known else UNKNOWN for token in tokens]

    def target_pieces(self, text: str) -> list[str]:
        """The tokens that ``text`` is written with: the same as a source's."""
        return self.pieces(text)

    def target_vocabulary(self) -> list[str]:
        """Nothing: all languages share the tokens."""
        return []

    def wrap(self, pieces: Sequence[str], source: Language, target: Language) -> list[str]:
        """``kor_Hang pieces </s>``."""
        self.target_prefix(target)
        return [self._code(source), *pieces, END]

    def target_prefix(self, target: Language) -> list[str]:
        """``eng_Latn``."""
        return [self._code(target)]

    def text(self, tokens: Sequence[str]) -> str:
        """The text of target tokens."""
        ids = [self._tokenizer.token_to_id(token) for token in tokens]
        known = [number for number in ids if number is not None]
        return str(self._tokenizer.decode(known, skip_special_tokens=True)).strip()

    def _code(self, language: Language) -> str:
        if language.nllb not in self._known:
            raise unknown_language(self._model, language, f"it has no token {language.nllb}")
        return language.nllb


class SentencePieceM2M100Tokenizer:
    """``sentencepiece.bpe.model`` of an M2M100 checkpoint, or of an NLLB one without ``tokenizer.json``."""

    special_tokens = 2

    def __init__(self, model: ResolvedModel, vocabulary: Sequence[str]) -> None:
        self._model = model
        self._known = frozenset(vocabulary)
        self._pieces = load_sentencepiece(model.path / "sentencepiece.bpe.model")

    def pieces(self, text: str) -> list[str]:
        """The tokens of ``text``."""
        return list(self._pieces.encode(text, out_type=str))

    def target_pieces(self, text: str) -> list[str]:
        """The tokens that ``text`` is written with: the same as a source's."""
        return self.pieces(text)

    def target_vocabulary(self) -> list[str]:
        """Nothing: all languages share the tokens."""
        return []

    def wrap(self, pieces: Sequence[str], source: Language, target: Language) -> list[str]:
        """``__ko__ pieces </s>``, or ``kor_Hang pieces </s>`` for NLLB."""
        self._code(target)
        return [self._code(source), *pieces, END]

    def target_prefix(self, target: Language) -> list[str]:
        """``__en__``, or ``eng_Latn`` for NLLB."""
        return [self._code(target)]

    def text(self, tokens: Sequence[str]) -> str:
        """The text of target tokens."""
        return _joined(self._pieces, [token for token in tokens if not _is_language(token)])

    def _code(self, language: Language) -> str:
        for token in (language.nllb, f"__{language.primary}__"):
            if token in self._known:
                return token
        raise unknown_language(
            self._model, language, f"it has no token {language.nllb} or __{language.code}__"
        )


def load_sentencepiece(path: Path) -> Any:
    """The ``SentencePieceProcessor`` of ``path``.

    Raises:
        ModelError: the file is missing or damaged.
    """
    import sentencepiece

    require_file(path)
    try:
        return sentencepiece.SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError) as error:
        raise ModelError(f"{path} is not a sentencepiece model", hint="fetch the model again") from error


def read_vocabulary(directory: Path, side: str = "target") -> list[str]:
    """Tokens of a CTranslate2 directory, in the order of their ids; ``side`` is ``source`` or ``target``.

    Raises:
        ModelError: there is no vocabulary file, or it is damaged.
    """
    for name in ("shared_vocabulary", f"{side}_vocabulary"):
        if (directory / f"{name}.json").is_file():
            return [str(token) for token in read_json(directory / f"{name}.json")]
        text = directory / f"{name}.txt"
        if text.is_file():
            return text.read_text(encoding="utf-8").rstrip("\n").split("\n")
    raise missing_file(directory / "shared_vocabulary.json")


def _joined(pieces: Any, tokens: Sequence[str]) -> str:
    kept = [token for token in tokens if token not in (END, UNKNOWN, "<s>", "<pad>")]
    return str(pieces.decode_pieces(kept)).replace("▁", " ").strip()


def _is_special(pieces: Any, number: int) -> bool:
    return bool(pieces.is_control(number) or pieces.is_unknown(number) or pieces.is_unused(number))


def _is_language(token: str) -> bool:
    return token.startswith("__") and token.endswith("__")
