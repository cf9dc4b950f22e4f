"""A published MarianMT checkpoint, where the user has it and has used it: read, never written."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtalign.document import Segment
from mtalign.engines.base import Decoding, Request
from mtalign.engines.conversion import converted_directory
from mtalign.engines.registry import load_engine
from mtalign.errors import MtalignError
from mtalign.home import mtalign_home
from mtalign.languages import ENGLISH, parse_language
from mtalign.memory import Memory
from mtalign.models.resolve import resolve
from mtalign.models.store import ModelStore
from mtalign.translate import translate_segments

HOME = mtalign_home()
"""The user's own: a fixture sets another for the tests."""
FRENCH = parse_language("fr")
TEXTS = {
    "En hiver, la route est fermée à cause de la neige.": "In winter, the road is closed",
    "Écrivez à contact@assurance-maladie.fr avant le 31 décembre 2026.": "contact@assurance-maladie.fr",
    "Le fichier /etc/fstab contient 1 250 entrées.": "/etc/fstab",
    "Non !": "No",
    "Il n’a pas voulu répondre, car il ne savait pas encore si la réunion aurait lieu.": "meeting",
}


@pytest.fixture(scope="module")
def engine():
    store = ModelStore(root=HOME / "models")
    try:
        model = resolve("opus", source_language=FRENCH, store=store, offline=False, pull=False)
    except MtalignError as error:
        pytest.skip(str(error))
    if not converted_directory(model, "int8", Path(HOME)).is_dir():
        pytest.skip("opus-fr-en has not been converted yet: `mtalign translate` does it")
    engine = load_engine("ctranslate2", model, home=HOME)
    yield engine
    engine.close()


def test_it_translates_french(engine):
    segments = [
        Segment(f"d.b{n}.s1", "d", f"d.b{n}", text, 0, len(text), "fr") for n, text in enumerate(TEXTS)
    ]
    translations, statistics = translate_segments(
        segments, engine=engine, target=ENGLISH, memory=Memory(None), decoding=Decoding()
    )
    assert statistics.failed == 0
    for segment, expected in zip(segments, TEXTS.values(), strict=True):
        assert expected in (translations[segment.id].text or "")


def test_it_gives_the_same_bits_alone_and_together(engine):
    requests = [Request(text, FRENCH, ENGLISH) for text in TEXTS]
    for beam in (1, 4):
        together = engine.translate(requests, Decoding(beam=beam))
        assert together == [engine.translate([request], Decoding(beam=beam))[0] for request in requests]


def test_what_pads_a_batch_writes_next_to_nothing(engine, monkeypatch):
    """With words in it, it wrote on for as long as the sentences that it stands beside."""
    translator, padding = engine._open(), []

    class Watched:
        def translate_batch(self, sources, **options):
            results = translator.translate_batch(sources, **options)
            padding.extend(results[len(requests) :])
            return results

    requests = [Request(text, FRENCH, ENGLISH) for text in [*TEXTS][-1:]]
    monkeypatch.setattr(engine, "_translator", Watched())
    engine.translate(requests, Decoding())
    assert [len(one.result().hypotheses[0]) <= 4 for one in padding] == [True]
