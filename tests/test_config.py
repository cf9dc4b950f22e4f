"""The configuration file: what it means, and how it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtalign.errors import ConfigError
from mtalign.job.config import load_config


def load(tmp_path: Path, text: str):
    path = tmp_path / "mtalign.toml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def test_the_projects_own_configuration_names_the_seeds_and_the_reference():
    config = load_config(Path(__file__).resolve().parents[1] / "mtalign.toml")
    assert config.input.paths == ("seeds",)
    assert config.reference.document.startswith("seeds/004_")
    assert config.reference.starts_with.startswith("Since NATO’s")


def test_what_is_not_said_has_its_default(tmp_path):
    config = load(tmp_path, '[input]\npaths = ["a"]\nfrom = "ko"\n')
    assert (config.input.source, config.input.target) == ("ko", "en")
    assert (config.model.name, config.model.beam, config.model.quality) == ("auto", 4, "good")
    assert config.base == tmp_path


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('[input]\npath = ["a"]\n', "did you mean paths?"),
        ('[modle]\nname = "qwen"\n', "did you mean model?"),
        ("[model]\nbeams = 4\n", "did you mean beam?"),
        ("[model]\nzzz = 4\n", "known: name, engine"),
        ('[model]\nbeam = "4"\n', "must be a whole number"),
        ("[model]\nbeam = true\n", "must be a whole number"),
        ("[model]\nbeam = 0\n", "use 1 or more"),
        ('[model]\nquality = "great"\n', "fast, good, best"),
        ('[input]\npaths = "seeds"\n', "must be a list of strings"),
        ('input = "seeds"\n', "must be a section"),
        ("[input\n", "not valid TOML"),
    ],
)
def test_a_wrong_configuration_is_one_line_that_names_the_mistake(tmp_path, text, names):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert names in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_missing_configuration_is_told(tmp_path):
    with pytest.raises(ConfigError, match="no configuration file"):
        load_config(tmp_path / "nothing.toml")
