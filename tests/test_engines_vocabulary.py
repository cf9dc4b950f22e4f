"""Source characters that a real vocabulary lacks, as NLLB's lacks Chinese ones: flagged, not silent."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from checkpoints import CHINESE, ENGLISH, KOREAN, phrases, resolved

from mtalign.checks.vocabulary import check_vocabulary
from mtalign.cli.main import main
from mtalign.document import Segment, Severity
from mtalign.engines.base import Decoding
from mtalign.engines.registry import load_engine
from mtalign.memory import Memory
from mtalign.testing import EchoEngine
from mtalign.translate import translate_segments

CHINESE_PHRASES = [source for language, source, _ in phrases() if language == CHINESE]
KOREAN_PHRASES = [source for language, source, _ in phrases() if language == KOREAN]


@pytest.fixture(params=["ctranslate2", "transformers"])
def engine(request: pytest.FixtureRequest, family: str, converted_home: Path) -> Iterator[Any]:
    settings = {"home": converted_home, "workers": 1} if request.param == "ctranslate2" else {}
    model = resolved(request.getfixturevalue(f"{family}_checkpoint"))
    engine = load_engine(request.param, model, **settings)
    yield engine
    engine.close()


@pytest.mark.parametrize("family", ["marian", "nllb"])
def test_an_engine_knows_what_it_was_trained_on_and_not_what_its_vocabulary_lacks(engine: Any) -> None:
    assert all(engine.knows(text) for text in (*CHINESE_PHRASES, *KOREAN_PHRASES))
    assert engine.knows("")
    if engine.model.family == "marian":
        # What the tokenizer composes before it looks it up is known, too; NLLB's composes no Hangul.
        assert engine.knows(unicodedata.normalize("NFD", KOREAN_PHRASES[0]))
    for text in ("饕", "老师饕餮卖掉了一本书。", "老师😀", "</s>饕", "<unk>饕"):
        assert not engine.knows(text), text


@pytest.mark.parametrize("family", ["marian", "nllb"])
def test_what_the_vocabulary_lacks_is_flagged_at_its_place(engine: Any) -> None:
    source = "老师饕餮卖掉了一本😀书。"
    flags = check_vocabulary(source, engine.knows)
    assert [(flag.source_span, flag.severity) for flag in flags] == [
        ((2, 4), Severity.WARNING),
        ((9, 10), Severity.INFO),
    ]
    assert "“饕餮”" in flags[0].message
    assert check_vocabulary(CHINESE_PHRASES[0], engine.knows) == []


def segment(text: str) -> Segment:
    return Segment("1.b1.s1", "1", "1.b1", text, 0, len(text), "zh")


@pytest.mark.parametrize("family", ["nllb"])
def test_the_flag_neither_changes_the_memory_nor_needs_the_model_again(engine: Any, tmp_path: Path) -> None:
    text = "老师饕餮卖掉了一本书。"
    seen = []
    for _ in range(2):
        with Memory(tmp_path / "memory.sqlite") as memory:
            translations, statistics = translate_segments(
                [segment(text)], engine=engine, target=ENGLISH, memory=memory, decoding=Decoding()
            )
        flags = [f.source_span for f in translations["1.b1.s1"].flags if f.name == "unknown_characters"]
        seen.append((flags, statistics.decoded, statistics.from_memory))
    assert seen == [([(2, 4)], 1, 0), ([(2, 4)], 0, 1)]


def test_an_engine_that_does_not_know_its_vocabulary_is_not_asked() -> None:
    with Memory(None) as memory:
        translations, _ = translate_segments(
            [segment("饕餮")], engine=EchoEngine(), target=ENGLISH, memory=memory, decoding=Decoding()
        )
    assert not [f for f in translations["1.b1.s1"].flags if f.name == "unknown_characters"]


def test_a_run_flags_them_and_a_gate_can_be_held_to_them(
    tmp_path: Path, nllb_checkpoint: Path, job_home: Path, capsys: Any
) -> None:
    (tmp_path / "a.txt").write_text("老师卖掉了一本书。\n老师饕餮卖掉了一本书。\n", encoding="utf-8")
    with pytest.raises(SystemExit) as caught:
        main(
            [
                *("run", "a.txt", "--from", "zh", "--model", str(nllb_checkpoint), "-q"),
                *("--require", "flags.unknown_characters<=0", "--require", "failed<=100%"),
            ]
        )
    assert caught.value.code == 3
    assert "missed: flags.unknown_characters: flag unknown_characters: 1 in 1" in capsys.readouterr().out
    lines = (tmp_path / "outputs/a/segments.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    flagged = [
        [flag["source_span"] for flag in json.loads(line)["flags"] if flag["name"] == "unknown_characters"]
        for line in lines
    ]
    assert flagged == [[], [[2, 4]]]
