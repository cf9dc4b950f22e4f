"""Engines are found by entry point, ours as well as those of other packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtalign.engines.base import ResolvedModel
from mtalign.engines.registry import default_engine, engine_names, load_engine
from mtalign.errors import MissingPackageError, UsageError

MODEL = ResolvedModel("any", Path("any"), "marian", "0" * 64)

PLUG_IN = """
class Shout:
    name, version, batch_size = "shout", "1", 1

    def __init__(self, model, volume):
        self.model, self.volume = model, volume


def load(model, *, volume=1):
    return Shout(model, volume)
"""


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed distribution that adds the engine ``shout`` and one that cannot be imported."""
    (tmp_path / "shouting.py").write_text(PLUG_IN)
    metadata = tmp_path / "shouting-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[mtalign.engines]\nshout = shouting:load\nbroken = no_such_module:load\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


def test_our_engines_are_installed() -> None:
    assert {"ctranslate2", "transformers", "llamacpp"} <= set(engine_names())


@pytest.mark.usefixtures("plug_in")
def test_another_package_adds_an_engine() -> None:
    assert "shout" in engine_names()
    engine = load_engine("shout", MODEL, volume=11)
    assert (engine.name, engine.model, engine.volume) == ("shout", MODEL, 11)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("plug_in")
def test_a_setting_that_an_engine_does_not_take_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"engine shout.*'compute_type'"):
        load_engine("shout", MODEL, compute_type="int8")


@pytest.mark.usefixtures("plug_in")
def test_an_engine_that_cannot_be_imported_names_what_is_missing() -> None:
    with pytest.raises(MissingPackageError, match="no_such_module"):
        load_engine("broken", MODEL)


def test_an_unknown_engine_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown engine 'ctranslate'; did you mean ctranslate2"):
        load_engine("ctranslate", MODEL)
    with pytest.raises(UsageError, match=r"there are .*transformers"):
        load_engine("xyz", MODEL)


def test_an_unknown_compute_type_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="'int4'"):
        load_engine("ctranslate2", MODEL, compute_type="int4")


@pytest.mark.parametrize("family", ["marian", "m2m100"])
def test_the_default_engine_of_a_seq2seq_model_is_ctranslate2(family: str) -> None:
    assert default_engine(ResolvedModel("any", Path("any"), family, "")) == "ctranslate2"
