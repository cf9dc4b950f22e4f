"""The conversion for CTranslate2: once, cached, safe for two processes, and honest about a bad checkpoint."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from checkpoints import ENGLISH, KOREAN, resolved

from mtalign.engines.base import Decoding, Request
from mtalign.engines.conversion import convert, converted_directory
from mtalign.engines.registry import load_engine
from mtalign.errors import ModelError

REQUEST = Request("선생님은 책을 팔았습니다.", KOREAN, ENGLISH)

LOAD_AND_TRANSLATE = """
import json, sys
from pathlib import Path
from mtalign.engines.base import Decoding, Request, ResolvedModel
from mtalign.engines.registry import load_engine
from mtalign.languages import Language

path, family, fingerprint, home = sys.argv[1:]
notices = []
model = ResolvedModel("small", Path(path), family, fingerprint)
engine = load_engine("ctranslate2", model, home=Path(home), workers=1, notice=notices.append)
request = Request("선생님은 책을 팔았습니다.", Language("ko", "Korean", "kor_Hang", "Hang"),
                  Language("en", "English", "eng_Latn", "Latn"))
text = engine.translate([request], Decoding())[0].text
heavy = sorted({"torch", "transformers", "numpy"} & set(sys.modules))
print(json.dumps({"text": text, "notices": notices, "heavy": heavy}))
"""


def start_process(path: Path, home: Path) -> subprocess.Popen[str]:
    model = resolved(path)
    arguments = [str(path), model.family, model.fingerprint, str(home)]
    return subprocess.Popen(
        [sys.executable, "-c", LOAD_AND_TRANSLATE, *arguments], stdout=subprocess.PIPE, text=True
    )


def result_of(process: subprocess.Popen[str]) -> Any:
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return json.loads(output)


@pytest.fixture
def copied(marian_checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint that the test may damage."""
    return shutil.copytree(marian_checkpoint, tmp_path / "copied")


def test_two_processes_convert_once_and_a_third_needs_no_torch(
    marian_checkpoint: Path, nllb_checkpoint: Path, converted_home: Path, tmp_path: Path
) -> None:
    both = [start_process(marian_checkpoint, tmp_path) for _ in range(2)]
    results = [result_of(process) for process in both]
    notices = [notice for result in results for notice in result["notices"]]
    assert notices == ["converting small to int8 for CTranslate2, once"]
    assert {result["text"] for result in results} == {"The teacher sold a book."}
    later = result_of(start_process(marian_checkpoint, tmp_path))
    assert later["notices"] == []
    assert not {"torch", "transformers"} & set(later["heavy"])
    folders = [entry for entry in (tmp_path / "converted").iterdir() if entry.is_dir()]
    assert folders == [converted_directory(resolved(marian_checkpoint), "int8", tmp_path)]
    convert(resolved(nllb_checkpoint), "int8", converted_home)
    other = result_of(start_process(nllb_checkpoint, converted_home))
    assert (other["notices"], other["text"]) == ([], "The teacher sold a book.")
    assert not {"torch", "transformers"} & set(other["heavy"])


def test_a_damaged_conversion_is_made_again(marian_checkpoint: Path, tmp_path: Path) -> None:
    model = resolved(marian_checkpoint)
    notices: list[str] = []
    directory = convert(model, "int8", tmp_path, notices.append)
    leftover = directory.with_name(directory.name + ".half-killed")
    leftover.mkdir()
    whole = (directory / "model.bin").read_bytes()
    (directory / "model.bin").write_bytes(whole[: len(whole) // 2])
    assert convert(model, "int8", tmp_path, notices.append) == directory
    assert (directory / "model.bin").read_bytes() == whole
    assert len(notices) == 2
    assert not leftover.exists()
    assert convert(model, "int8", tmp_path, notices.append) == directory
    assert len(notices) == 2

    (directory / "model.bin").write_bytes(b"\xff" * len(whole))
    with pytest.raises(ModelError, match=f"cannot load {directory}.*delete {directory}"):
        load_engine("ctranslate2", model, home=tmp_path).translate([REQUEST], Decoding())


def test_a_cut_off_model_bin_of_the_user_is_named(
    marian_checkpoint: Path, converted_home: Path, tmp_path: Path
) -> None:
    ready = shutil.copytree(convert(resolved(marian_checkpoint), "int8", converted_home), tmp_path / "ready")
    for name in ("source.spm", "target.spm"):
        shutil.copy(marian_checkpoint / name, ready)
    whole = (ready / "model.bin").read_bytes()
    (ready / "model.bin").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=f"cannot load {ready}.*fetch the model again") as failure:
        load_engine("ctranslate2", resolved(ready)).translate([REQUEST], Decoding())
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("name", ["ctranslate2", "transformers"])
def test_cut_off_weights_are_an_error_in_one_line(name: str, copied: Path, tmp_path: Path) -> None:
    weights = copied / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged") as failure:
        load_engine(name, resolved(copied), **home_of(name, tmp_path))
    assert "\n" not in str(failure.value)
    assert not [entry for entry in (tmp_path / "home").rglob("*") if entry.is_dir() and "half" in entry.name]


@pytest.mark.parametrize("name", ["ctranslate2", "transformers"])
def test_a_missing_weight_is_not_replaced_by_a_random_one(name: str, copied: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(copied / "model.safetensors")
    lost = "model.decoder.layers.1.fc1.weight"
    save_file(
        {key: value for key, value in weights.items() if key != lost},
        copied / "model.safetensors",
        metadata={"format": "pt"},
    )
    with pytest.raises(ModelError, match=lost):
        load_engine(name, resolved(copied), **home_of(name, tmp_path))


@pytest.mark.parametrize("name", ["ctranslate2", "transformers"])
def test_weights_as_pickles_load_without_running_code(name: str, copied: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(copied / "model.safetensors"), copied / "pytorch_model.bin")
    (copied / "model.safetensors").unlink()
    engine = load_engine(name, resolved(copied), **home_of(name, tmp_path))
    assert engine.translate([REQUEST], Decoding())[0].text == "The teacher sold a book."

    trap = tmp_path / "code-was-run"
    (copied / "pytorch_model.bin").write_bytes(pickle.dumps(_Trap(str(trap)), protocol=2))
    with pytest.raises(ModelError):
        load_engine(name, resolved(copied), **home_of(name, tmp_path))
    assert not trap.exists()


class _Trap:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        import os

        return os.mkdir, (self.path,)


@pytest.mark.parametrize("name", ["ctranslate2", "transformers"])
@pytest.mark.parametrize("lost", ["source.spm", "target.spm", "vocab.json"])
def test_a_missing_tokenizer_file_is_named(name: str, lost: str, copied: Path, tmp_path: Path) -> None:
    (copied / lost).unlink()
    with pytest.raises(ModelError, match=lost):
        load_engine(name, resolved(copied, "marian"), **home_of(name, tmp_path))


@pytest.mark.parametrize("name", ["ctranslate2", "transformers"])
def test_another_architecture_is_refused(name: str, copied: Path, tmp_path: Path) -> None:
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps(config | {"model_type": "bert"}))
    with pytest.raises(ModelError, match="bert"):
        load_engine(name, resolved(copied), **home_of(name, tmp_path))
    with pytest.raises(ModelError, match="not a checkpoint directory"):
        load_engine(name, resolved(copied / "config.json"), **home_of(name, tmp_path))


def test_a_home_that_cannot_be_written_is_an_error_with_a_way_out(
    marian_checkpoint: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match=r"cannot write the converted model.*MTALIGN_HOME"):
        convert(resolved(marian_checkpoint), "int8", tmp_path / "file")


def test_another_compute_type_or_model_is_another_conversion(marian_checkpoint: Path, tmp_path: Path) -> None:
    model = resolved(marian_checkpoint)
    directories = {
        converted_directory(model, "int8", tmp_path),
        converted_directory(model, "float32", tmp_path),
        converted_directory(resolved(marian_checkpoint / "config.json"), "int8", tmp_path),
    }
    assert len(directories) == 3
    assert {directory.parent for directory in directories} == {tmp_path / "converted"}


def home_of(name: str, folder: Path) -> dict[str, Any]:
    return {"home": folder / "home", "workers": 1} if name == "ctranslate2" else {}
