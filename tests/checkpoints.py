"""Builders of real, small checkpoints: true config classes, sentencepiece tokenizers, trained in seconds.

The layouts are those of the published checkpoints (Helsinki-NLP/opus-mt-*, facebook/nllb-200-*), so that what
loads here loads there. A session builds each checkpoint once; xdist workers share it through a file lock.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from mtalign.engines.base import Request, ResolvedModel
from mtalign.languages import Language

Example = tuple[list[int], list[int]]
"""Token ids of a source and of its target, special tokens included."""

KOREAN = Language("ko", "Korean", "kor_Hang", "Hang")
JAPANESE = Language("ja", "Japanese", "jpn_Jpan", "Jpan")
GERMAN = Language("de", "German", "deu_Latn", "Latn")
CHINESE = Language("zh", "Chinese", "zho_Hans", "Hans")
ENGLISH = Language("en", "English", "eng_Latn", "Latn")

_SUBJECTS = [
    ("the teacher", "선생님은", "先生は", "der Lehrer", "老师"),
    ("the doctor", "의사는", "医者は", "der Arzt", "医生"),
    ("my friend", "내 친구는", "私の友達は", "mein Freund", "我的朋友"),
    ("the city", "도시는", "都市は", "die Stadt", "城市"),
]
_OBJECTS = [
    ("a book", "책을", "本を", "ein Buch", "一本书"),
    ("two reports", "보고서 두 개를", "報告書を二つ", "zwei Berichte", "两份报告"),
    ("the bridge", "다리를", "橋を", "die Brücke", "那座桥"),
    ("the house by the bridge", "다리 옆 집을", "橋のそばの家を", "das Haus an der Brücke", "桥边的房子"),
    ("the old map", "오래된 지도를", "古い地図を", "die alte Karte", "那张旧地图"),
]
_VERBS = [
    ("sold", "팔았습니다", "売りました", "verkaufte", "卖掉了"),
    ("found", "찾았습니다", "見つけました", "fand", "找到了"),
    ("saw", "보았습니다", "見ました", "sah", "看见了"),
    ("bought", "샀습니다", "買いました", "kaufte", "买了"),
]
_TIMES = [
    ("", "", "", "", ""),
    ("in 2007", "2007년에", "2007年に", "im Jahr 2007", "在2007年"),
    ("yesterday", "어제", "昨日", "gestern", "昨天"),
]


def phrases() -> list[tuple[Language, str, str]]:
    """Training pairs as (source language, source, English), in a fixed order: 240 for each of 4 languages."""
    pairs = []
    for subject, thing, verb, time in itertools.product(_SUBJECTS, _OBJECTS, _VERBS, _TIMES):
        english = " ".join(filter(None, [subject[0], verb[0], thing[0], time[0]]))
        english = english[0].upper() + english[1:] + "."
        korean = " ".join(filter(None, [subject[1], time[1], thing[1], verb[1]])) + "."
        japanese = f"{subject[2]}{time[2]}{thing[2]}{verb[2]}。"
        german = " ".join(filter(None, [subject[3], verb[3], time[3], thing[3]]))
        german = german[0].upper() + german[1:] + "."
        chinese = f"{subject[4]}{time[4]}{verb[4]}{thing[4]}。"
        pairs += [
            (KOREAN, korean, english),
            (JAPANESE, japanese, english),
            (GERMAN, german, english),
            (CHINESE, chinese, english),
        ]
    return pairs


def sample_requests(count: int = 60) -> list[tuple[Request, str]]:
    """``count`` requests spread over all phrases and languages, each with the English it was trained on."""
    pairs = phrases()
    step = max(1, len(pairs) // count) | 1
    chosen = [pairs[index * step % len(pairs)] for index in range(count)]
    return [(Request(source, language, ENGLISH), english) for language, source, english in chosen]


def resolved(path: Path, family: str = "", name: str = "") -> ResolvedModel:
    """The checkpoint at ``path`` as a model store gives it: family by its files, SHA-256 over all of them."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    if not family:
        family = "gguf" if path.is_file() else "marian" if (path / "source.spm").exists() else "m2m100"
    return ResolvedModel(name=name or str(path), path=path, family=family, fingerprint=digest.hexdigest())


def shared_checkpoint(root: Path, name: str, build: Callable[[Path], None]) -> Path:
    """``root/name``, built by whichever test process comes first."""
    target = root / name
    with FileLock(root / f"{name}.lock"):
        if not target.exists():
            half = root / f"{name}.half"
            half.mkdir()
            build(half)
            half.replace(target)
    return target


def train_sentencepiece(texts: Sequence[str], prefix: Path, size: int, model_type: str) -> Path:
    """Train a sentencepiece model with the normalisation of the published ones; gives ``<prefix>.model``."""
    import sentencepiece

    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_prefix=str(prefix),
        vocab_size=size,
        model_type=model_type,
        character_coverage=1.0,
        normalization_rule_name="nmt_nfkc",
        hard_vocab_limit=False,
        num_threads=1,
        minloglevel=2,
    )
    return prefix.with_name(prefix.name + ".model")


def build_marian(path: Path, *, target_codes: Sequence[str] = (), steps: int = 250) -> None:
    """A multi-source MarianMT checkpoint (ko, ja, de, zh → en), laid out like Helsinki-NLP/opus-mt-mul-en.

    With ``target_codes`` (``eng``) the vocabulary has ``>>eng<<`` tokens, as multi-target checkpoints do.
    """
    import sentencepiece
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    pairs = phrases()
    for side, texts in (("source", [pair[1] for pair in pairs]), ("target", [pair[2] for pair in pairs])):
        train_sentencepiece(texts, path / side, 400 if side == "source" else 160, "bpe").rename(
            path / f"{side}.spm"
        )
        (path / f"{side}.vocab").unlink()
    vocabulary = {"</s>": 0, "<unk>": 1}
    for side in ("source", "target"):
        pieces = sentencepiece.SentencePieceProcessor(model_file=str(path / f"{side}.spm"))
        for number in range(pieces.get_piece_size()):
            if not pieces.is_control(number) and not pieces.is_unknown(number):
                vocabulary.setdefault(pieces.id_to_piece(number), len(vocabulary))
    for code in target_codes:
        vocabulary[f">>{code}<<"] = len(vocabulary)
    vocabulary["<pad>"] = len(vocabulary)
    (path / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Recommended: pip install sacremoses")
        tokenizer = MarianTokenizer(
            str(path / "source.spm"),
            str(path / "target.spm"),
            str(path / "vocab.json"),
            source_lang="mul",
            target_lang="eng",
        )
    pad = vocabulary["<pad>"]
    config = MarianConfig(
        vocab_size=len(vocabulary),
        decoder_vocab_size=len(vocabulary),
        pad_token_id=pad,
        decoder_start_token_id=pad,
        eos_token_id=0,
        forced_eos_token_id=0,
        bos_token_id=0,
        scale_embedding=True,
        activation_function="swish",
        static_position_embeddings=True,
        max_position_embeddings=512,
        share_encoder_decoder_embeddings=True,
        **_small_dimensions(),
    )
    prefix = [vocabulary[f">>{code}<<"] for code in target_codes[:1]]
    examples = [
        (
            prefix + tokenizer.convert_tokens_to_ids(tokenizer.tokenize(source)) + [0],
            [pad, *tokenizer(text_target=english).input_ids],
        )
        for _, source, english in pairs
    ]
    model = _train(lambda: _with_output_bias(MarianMTModel(config), pad), examples, pad, steps)
    model.generation_config.update(
        bad_words_ids=[[pad]], num_beams=4, forced_eos_token_id=0, max_length=512, renormalize_logits=True
    )
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)


def build_nllb(path: Path, *, steps: int = 250) -> None:
    """A checkpoint laid out like facebook/nllb-200-distilled-600M: pieces, codes, ``<mask>`` last."""
    from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizer
    from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

    pairs = phrases()
    texts = [text for _, source, english in pairs for text in (source, english)]
    train_sentencepiece(texts, path / "sentencepiece.bpe", 560, "bpe")
    (path / "sentencepiece.bpe.vocab").unlink()
    # Fairseq released the codes in this order; transformers keeps it since 4.21.
    codes = list(FAIRSEQ_LANGUAGE_CODES)
    _write_nllb_tokenizer_json(path, codes)
    tokenizer = NllbTokenizer.from_pretrained(path, src_lang="kor_Hang", tgt_lang="eng_Latn")
    first_code = len(tokenizer) - len(codes) - 1
    assert tokenizer.convert_tokens_to_ids("<mask>") == len(tokenizer) - 1
    assert tokenizer.convert_tokens_to_ids(codes) == list(range(first_code, first_code + len(codes)))
    # The published ids less the published first code: ace_Arab 256001, eng_Latn 256047, kor_Hang 256098.
    assert tokenizer.convert_tokens_to_ids(["eng_Latn", "kor_Hang", "zul_Latn"]) == [
        first_code + 46,
        first_code + 97,
        first_code + 201,
    ]
    config = M2M100Config(
        vocab_size=len(tokenizer) + 2,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=2,
        max_position_embeddings=1024,
        scale_embedding=True,
        activation_function="relu",
        tokenizer_class="NllbTokenizer",
        **_small_dimensions(),
    )
    english_code = tokenizer.convert_tokens_to_ids("eng_Latn")
    examples = []
    for language, source, english in pairs:
        tokenizer.src_lang = language.nllb
        ids = tokenizer(source).input_ids
        assert ids[0] == tokenizer.convert_tokens_to_ids(language.nllb)
        target = tokenizer(english, add_special_tokens=False).input_ids
        examples.append((ids, [2, english_code, *target, 2]))
    model = _train(lambda: M2M100ForConditionalGeneration(config), examples, 1, steps)
    model.generation_config.update(max_length=200, decoder_start_token_id=2)
    model.save_pretrained(path)


def _write_nllb_tokenizer_json(path: Path, codes: Sequence[str]) -> None:
    import sentencepiece
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
    from tokenizers.models import BPE

    model = sentencepiece.SentencePieceProcessor(model_file=str(path / "sentencepiece.bpe.model"))
    pieces = [model.id_to_piece(number) for number in range(3, model.get_piece_size())]
    normalizer = _protobuf_field((path / "sentencepiece.bpe.model").read_bytes(), 3)
    vocabulary = {piece: number for number, piece in enumerate(["<s>", "<pad>", "</s>", "<unk>", *pieces])}
    merges = [
        (piece[:cut], piece[cut:])
        for piece in pieces
        for cut in range(1, len(piece))
        if piece[:cut] in vocabulary and piece[cut:] in vocabulary
    ]
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=merges, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Precompiled(_protobuf_field(normalizer, 2)),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", *codes])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=True, special=True)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=["eng_Latn", "$A", "</s>"],
        special_tokens=[("eng_Latn", tokenizer.token_to_id("eng_Latn")), ("</s>", 2)],
    )
    tokenizer.save(str(path / "tokenizer.json"))
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    special |= {"cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>"}
    settings = {
        **special,
        "additional_special_tokens": list(codes),
        "legacy_behaviour": False,
        "model_max_length": 1024,
        "tokenizer_class": "NllbTokenizer",
    }
    (path / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    (path / "special_tokens_map.json").write_text(
        json.dumps({**special, "additional_special_tokens": list(codes)}), encoding="utf-8"
    )


def _protobuf_field(message: bytes, number: int) -> bytes:
    """The first length-delimited field ``number`` of a protobuf message (saves a dependency)."""
    position = 0

    def varint() -> int:
        nonlocal position
        value = shift = 0
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while position < len(message):
        key = varint()
        if key & 7 == 0:
            varint()
        elif key & 7 == 2:
            end = varint() + position
            if key >> 3 == number:
                return message[position:end]
            position = end
        else:
            position += 8 if key & 7 == 1 else 4
    raise ValueError(f"no field {number}")


def _small_dimensions() -> dict[str, Any]:
    layers = {f"{side}_layers": 2 for side in ("encoder", "decoder")}
    heads = {f"{side}_attention_heads": 4 for side in ("encoder", "decoder")}
    widths = {f"{side}_ffn_dim": 128 for side in ("encoder", "decoder")}
    return {
        "d_model": 64,
        "init_std": 0.1,
        "dropout": 0.0,
        "attention_dropout": 0.0,
        **layers,
        **heads,
        **widths,
    }


def _train(
    build: Callable[[], Any], examples: list[tuple[list[int], list[int]]], pad: int, steps: int
) -> Any:
    """Train until the phrases are known: some five seconds on one thread, the same weights every time."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build()
        model.train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)
        for batch in itertools.islice(_batches(examples), steps):
            sources, targets = (_pad([pair[side] for pair in batch], pad) for side in (0, 1))
            logits = model(
                input_ids=sources, attention_mask=(sources != pad).long(), decoder_input_ids=targets[:, :-1]
            ).logits
            labels = targets[:, 1:]
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=pad)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            # Decoding starts from a zero embedding, as published; the tied output layer would move it.
            with torch.no_grad():
                model.get_input_embeddings().weight[pad] = 0
    torch.set_num_threads(threads)
    return model.eval()


def _with_output_bias(model: Any, pad: int) -> Any:
    """Published MarianMT checkpoints have an output bias: a fixed random one here."""
    model.final_logits_bias.normal_(0.0, 0.5)
    model.final_logits_bias[0, pad] = 0.0
    return model


def _batches(examples: Sequence[Example], size: int = 32) -> Iterator[list[Any]]:
    import random

    order = random.Random(0)
    while True:
        shuffled = order.sample(examples, len(examples))
        yield from (shuffled[start : start + size] for start in range(0, len(shuffled), size))


def _pad(rows: list[list[int]], pad: int) -> Any:
    import torch

    width = max(map(len, rows))
    return torch.tensor([row + [pad] * (width - len(row)) for row in rows])
