"""What a checkpoint directory holds: its configuration, its family, its limits; read without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mtalign.engines.base import ResolvedModel
from mtalign.errors import LanguageError, ModelError
from mtalign.languages import Language
from mtalign.models.layout import check_whole, read_family

_DEFAULT_POSITIONS = {"marian": 512, "m2m100": 1024}
_READ_WELL = {"marian": 200}
"""Longest source, in tokens, that a family translates as well whole as in parts, where that is less.

MarianMT models were trained on sentences. Sentences of a French book joined by semicolons, opus-fr-en, chrF2
whole and in parts of at most 200 tokens: 67.0 and 67.0 at 200 tokens, 62.8 and 63.2 at 250, 60.4 and 66.1 at
300; near its 512 positions it writes *the file file is the file*.
"""


def read_json(path: Path, default: Any = None) -> Any:
    """The JSON value in ``path``; ``default`` where the file is absent and a default is given.

    Raises:
        ModelError: the file is missing without a default, unreadable, or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if default is not None:
            return default
        raise missing_file(path) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not JSON"
        raise ModelError(f"{path} cannot be read: {reason}", hint="fetch the model again") from error


def missing_file(path: Path) -> ModelError:
    """The error for a file that a model directory lacks."""
    return ModelError(
        f"the model directory {path.parent} has no {path.name}",
        hint="fetch the model again, with all its files",
    )


def require_file(path: Path) -> Path:
    """``path`` itself.

    Raises:
        ModelError: there is no such file.
    """
    if not path.is_file():
        raise missing_file(path)
    return path


def is_converted(path: Path) -> bool:
    """Whether ``path`` is a directory that CTranslate2 loads as it is."""
    return (path / "model.bin").is_file() and any(path.glob("*vocabulary.*"))


def checked_family(model: ResolvedModel) -> str:
    """The family of ``model``, which must be what its files say; all of them must be there, none cut off.

    Raises:
        ModelError: the directory or a file is missing, a file is cut off, it is another architecture, or
            another family than told.
    """
    if not model.path.is_dir():
        raise ModelError(
            f"{model.path} is not a checkpoint directory", hint="a .gguf file runs with --engine llamacpp"
        )
    family = read_family(model.path)
    if model.family != family:
        raise ModelError(f"{model.path} is a {family} model, not {model.family}")
    if family == "marian":
        needed = ["source.spm", "target.spm", *([] if is_converted(model.path) else ["vocab.json"])]
    elif (model.path / "vocab.json").is_file():
        needed = ["sentencepiece.bpe.model"]
    else:
        needed = []
    for name in needed:
        require_file(model.path / name)
    check_whole(model.path)
    return family


def position_limit(path: Path, family: str) -> int:
    """Longest sequence in tokens, special tokens included, that the model has positions for."""
    config = read_json(path / "config.json", default={})
    return int(config.get("max_position_embeddings", _DEFAULT_POSITIONS[family]))


def source_limit(family: str, positions: int) -> int:
    """Longest source in tokens that the model should be asked to translate whole."""
    return min(positions, _READ_WELL.get(family, positions))


def forbidden_sequences(path: Path) -> list[list[int]]:
    """Token id sequences that the checkpoint's own generation configuration forbids (``bad_words_ids``)."""
    config = read_json(path / "config.json", default={})
    generation = read_json(path / "generation_config.json", default={})
    return generation.get("bad_words_ids") or config.get("bad_words_ids") or []


def check_marian_pair(model: ResolvedModel, source: Language, target: Language) -> None:
    """Refuse a language that a bilingual MarianMT checkpoint says it was not made for.

    Only two-letter codes are judged: longer ones may be groups (``mul``, ``gmw``) or macro-languages.

    Raises:
        LanguageError: the checkpoint names one other source or target language.
    """
    config = read_json(model.path / "tokenizer_config.json", default={})
    for side, language in (("source_lang", source), ("target_lang", target)):
        code = config.get(side) or ""
        if len(code) == 2 and code != language.primary:
            raise unknown_language(model, language, f"it was made for {code!r} as {side[:6]} language")


def unknown_language(model: ResolvedModel, language: Language, reason: str) -> LanguageError:
    """The error for a language that a model cannot take."""
    return LanguageError(
        f"the model {model.name} does not know {language.name} ({language.code}): {reason}",
        hint="choose another model; `mtalign models list` shows what there is",
    )
