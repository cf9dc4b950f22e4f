"""What a model looks like on disk: which files belong to it, its family, and whether a file is cut off."""

from __future__ import annotations

import json
import re
import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mtalign.errors import ModelError

RECORD_NAME = "mtalign-model.json"
"""The record that the store keeps beside a model's files."""

_SUPPORT = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "source.spm",
    "target.spm",
    "vocab.json",
    "sentencepiece.bpe.model",
)
_SENTENCE_SUPPORT = (
    "modules.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "vocab.txt",
    "unigram.json",
)
_MODULE_FILE = re.compile(r"[0-9]{1,2}_[A-Za-z]{1,30}/(config\.json|model\.safetensors|pytorch_model\.bin)")
"""A file of a sentence-transformers module that has a folder of its own (``1_Pooling/config.json``)."""
_FOREIGN_SUFFIXES = (".h5", ".msgpack", ".ot", ".onnx", ".md", ".gitattributes")
_FAMILIES = {"marian": "marian", "m2m_100": "m2m100"}
SENTENCE_FAMILY = "sentence-transformers"


def choose_files(available: Iterable[str], pinned: Iterable[str] = ()) -> list[str]:
    """The files of a repository that an engine or embedder needs: support files and one set of weights.

    Weights are the pinned ones, else safetensors, else PyTorch's, whole or in shards; never TensorFlow,
    Flax or Rust weights. With a GGUF file pinned, only the pinned files.

    Raises:
        ModelError: there are no weights that an engine reads.
    """
    everything = set(available)
    # A name with a folder in it is none of ours, and could lead out of the store.
    names = {name for name in everything if "/" not in name and "\\" not in name}
    wanted = set(pinned)
    if any(name.endswith(".gguf") for name in wanted):
        return sorted(wanted)
    support = [name for name in _SUPPORT if name in names]
    if "modules.json" in names:
        support += [name for name in _SENTENCE_SUPPORT if name in names]
        support += _module_files(everything)
    for whole in sorted(("model.safetensors", "pytorch_model.bin"), key=lambda name: name not in wanted):
        stem, suffix = whole.rsplit(".", 1)
        if whole in names:
            return [*support, whole]
        if f"{whole}.index.json" in names:
            shards = sorted(name for name in names if name.startswith(f"{stem}-") and name.endswith(suffix))
            return [*support, f"{whole}.index.json", *shards]
    raise ModelError(
        "the repository holds no weights that mtalign reads (model.safetensors or pytorch_model.bin)"
    )


def _module_files(names: Iterable[str]) -> list[str]:
    """Of each module its configuration and one set of weights."""
    found = sorted(name for name in names if _MODULE_FILE.fullmatch(name))
    whole = {name.rsplit("/", 1)[0] for name in found if name.endswith(".safetensors")}
    return [name for name in found if not (name.endswith(".bin") and name.rsplit("/", 1)[0] in whole)]


def model_files(path: Path) -> list[Path]:
    """The files that make up the model at ``path``: the ``.gguf`` itself, or those of the directory.

    Hidden files, read-me files, the store's record and weights of other frameworks do not count. Of a
    sentence-transformers model, those of its modules' folders do.
    """
    if path.is_file():
        return [path]
    inner: list[Path] = []
    if (path / "modules.json").is_file():
        nested = (file.relative_to(path).as_posix() for file in path.glob("*/*") if file.is_file())
        inner = [path / name for name in _module_files(nested)]
    return inner + sorted(
        file
        for file in path.iterdir()
        if file.is_file()
        and not file.name.startswith(".")
        and file.name != RECORD_NAME
        and not file.name.endswith(_FOREIGN_SUFFIXES)
    )


def relative_name(file: Path, path: Path) -> str:
    """What a file of the model at ``path`` is called: its path inside the directory, with ``/``."""
    return file.name if file == path else file.relative_to(path).as_posix()


def read_family(path: Path) -> str:
    """``marian``, ``m2m100``, ``gguf`` or ``sentence-transformers``, as the files say.

    Raises:
        ModelError: not a model that an engine reads, or a damaged one.
    """
    if path.is_file():
        _check_gguf(path)
        return "gguf"
    if (path / "modules.json").is_file():
        return SENTENCE_FAMILY
    config = _read_json(path / "config.json") if (path / "config.json").is_file() else {}
    if (path / "model.bin").is_file():
        return _converted_family(path)
    if not config:
        raise ModelError(
            f"{path} is not a model: no config.json, no model.bin",
            hint="give a MarianMT, NLLB or CTranslate2 directory, or a .gguf file",
        )
    kind = config.get("model_type")
    if kind not in _FAMILIES:
        raise ModelError(
            f"{path}: models of type {kind!r} are not supported", hint="MarianMT, NLLB/M2M100 and GGUF are"
        )
    return _FAMILIES[kind]


def check_whole(path: Path) -> None:
    """Look for a weights file that is cut off or of another format, without reading it through.

    Raises:
        ModelError: a file of the model is damaged; the message names it.
    """
    for file in model_files(path):
        if file.suffix == ".gguf":
            _check_gguf(file)
        elif file.suffix == ".safetensors":
            _check_safetensors(file)
        elif file.name.startswith("pytorch_model") and file.suffix == ".bin":
            _check_torch(file)
        elif file.suffix == ".json":
            _check_json(file)


def _damaged(file: Path, why: str) -> ModelError:
    return ModelError(f"{file} is damaged: {why}", hint="fetch or copy it again")


def _read_json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise _damaged(file, "not JSON") from error
    return value if isinstance(value, dict) else {}


def _head(file: Path, size: int) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(size)
    except OSError as error:
        raise ModelError(f"cannot read {file}: {error.strerror}") from error


def _check_gguf(file: Path) -> None:
    head = _head(file, 24)
    if len(head) < 24 or head[:4] != b"GGUF":
        raise ModelError(f"{file} is not a GGUF model", hint="give a .gguf file, or a model directory")
    version, tensors, _keys = struct.unpack("<IQQ", head[4:24])
    if version not in (2, 3) or tensors == 0:
        raise _damaged(file, f"GGUF version {version}, {tensors} tensors")


def _check_json(file: Path) -> None:
    # Vocabularies are megabytes of JSON: the two ends tell a whole file from one cut off.
    try:
        with file.open("rb") as stream:
            head = stream.read(64).strip()
            stream.seek(max(0, file.stat().st_size - 64))
            tail = stream.read().strip()
    except OSError as error:
        raise ModelError(f"cannot read {file}: {error.strerror}") from error
    if head[:1] + tail[-1:] not in (b"{}", b"[]"):
        raise _damaged(file, "not whole JSON")


def _check_safetensors(file: Path) -> None:
    size = file.stat().st_size
    head = _head(file, 8)
    length = struct.unpack("<Q", head)[0] if len(head) == 8 else size
    if 8 + length > size:
        raise _damaged(file, "cut off within its header")
    try:
        header = json.loads(_head(file, 8 + length)[8:])
        end = max(
            (int(item["data_offsets"][1]) for key, item in header.items() if key != "__metadata__"), default=0
        )
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise _damaged(file, "its header is not one of safetensors") from error
    if 8 + length + end != size:
        raise _damaged(file, f"{size} bytes instead of {8 + length + end}")


def _check_torch(file: Path) -> None:
    head = _head(file, 4)
    # PyTorch before 1.6 wrote bare pickles, as many OPUS-MT checkpoints are; only the zip shows its end.
    if head[:2] == b"\x80\x02":
        return
    if head != b"PK\x03\x04" or not zipfile.is_zipfile(file):
        raise _damaged(file, "not a whole PyTorch file")


def _converted_family(path: Path) -> str:
    file = path / "model.bin"
    head = _head(file, 64)
    if len(head) < 8 or struct.unpack("<I", head[:4])[0] > 64:
        raise _damaged(file, "not a CTranslate2 model")
    length = struct.unpack("<H", head[4:6])[0]
    if not head[6 : 6 + length].startswith(b"TransformerSpec"):
        raise ModelError(f"{file} is not an encoder-decoder translation model")
    if (path / "source.spm").is_file():
        return "marian"
    if (path / "sentencepiece.bpe.model").is_file() or (path / "tokenizer.json").is_file():
        return "m2m100"
    raise ModelError(
        f"{path} has no tokenizer", hint="put source.spm and target.spm, or tokenizer.json, beside model.bin"
    )
