"""Addresses that a model translates are asked for again with a stand-in, and come out as they were."""

from __future__ import annotations

import re

import pytest

from mtalign.checks.addresses import check_addresses, find_addresses
from mtalign.document import Segment
from mtalign.engines.base import Decoding
from mtalign.languages import ENGLISH, parse_language
from mtalign.memory import Memory
from mtalign.testing import EchoEngine
from mtalign.translate import translate_segments
from mtalign.translate.addresses import mask, unmask

FR = parse_language("fr")
SOURCE = "Écrivez à contact@assurance-maladie.fr ou lisez https://www.ville.fr/aide."
FIXED = "Write to contact@assurance-maladie.fr or read https://www.ville.fr/aide."


def translate(engine, *texts, memory=None):
    segments = [
        Segment(f"d.b{n}.s1", "d", f"d.b{n}", text, 0, len(text), "fr") for n, text in enumerate(texts)
    ]
    translations, statistics = translate_segments(
        segments, engine=engine, target=ENGLISH, memory=memory or Memory(None), decoding=Decoding()
    )
    return [translations[segment.id] for segment in segments], statistics


def a_model(request, _decoding):
    """Translates what it can read, addresses too, but has nothing to translate in a stand-in."""
    english = request.text.replace("Écrivez à", "Write to").replace("ou lisez", "or read")
    return english.replace("assurance-maladie", "health insurance").replace("aide", "help")


def test_an_address_that_the_model_translates_is_put_back():
    engine = EchoEngine(a_model)
    (translation,), statistics = translate(engine, SOURCE)
    assert translation.text == FIXED
    assert [flag.name for flag in translation.flags if flag.name == "address"] == []
    assert [[request.text for request in call] for call in engine.calls] == [
        [SOURCE],
        ["Écrivez à info@a1.org ou lisez www.a2.org."],
    ]
    assert statistics.decoded == 1


def test_a_translation_that_keeps_its_addresses_is_asked_for_once():
    engine = EchoEngine(lambda request, _: FIXED)
    (translation,), _ = translate(engine, SOURCE)
    assert translation.text == FIXED
    assert sum(map(len, engine.calls)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        "Write to information@a1.org or read www.a2.org.",
        "Write to info@a1.org or info@a1.org or read www.a2.org.",
        "Write to us.",
        "",
    ],
)
def test_where_a_stand_in_is_lost_or_doubled_the_first_answer_stands_and_is_flagged(answer):
    first = a_model(type("R", (), {"text": SOURCE}), None)
    engine = EchoEngine(lambda request, _: first if request.text == SOURCE else answer)
    (translation,), _ = translate(engine, SOURCE)
    assert translation.text == first
    assert [flag.name for flag in translation.flags if flag.name == "address"] == ["address", "address"]


def test_what_was_put_back_comes_from_memory_the_next_time():
    memory = Memory(None)
    translate(EchoEngine(a_model), SOURCE, memory=memory)
    silent = EchoEngine(lambda request, _: pytest.fail("asked the model"))
    (translation,), statistics = translate(silent, SOURCE, memory=memory)
    assert translation.text == FIXED
    assert statistics.from_memory == 1


def test_a_source_that_has_a_stand_in_as_an_address_gets_it_back_in_its_place():
    text = "Voir https://ville.fr/aide, puis www.a1.org."
    masked = mask(text)
    assert masked is not None
    assert masked.text == "Voir www.a1.org, puis www.a2.org."
    assert unmask(masked, masked.text) == text


def test_stand_ins_of_more_than_nine_addresses_are_not_mixed_up():
    text = " ".join(f"http://ville.fr/{number}" for number in range(12))
    masked = mask(text)
    assert masked is not None
    assert unmask(masked, masked.text) == text
    assert unmask(masked, re.sub("www.a12.org", "www.a1.org", masked.text)) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Voir http://exemple.fr/télécharger/fichier.pdf.", ["http://exemple.fr/télécharger/fichier.pdf"]),
        ("查看https://a.cn/b以了解更多", ["https://a.cn/b"]),
        ("dans /home/moi/photo.png ou ~/bin/outil", ["/home/moi/photo.png", "~/bin/outil"]),
        ("La commande mkdir nouveau_dossier", ["nouveau_dossier"]),
        ("le script migrate_all_online.sh.", ["migrate_all_online.sh"]),
        ("et/ou, km/h, 12/05/2023, 1/2, c'est-à-dire", []),
        ("__gras__ et _italique_ dans le texte", []),
        ("Hello @mairie_de_paris", ["@mairie_de_paris"]),
    ],
)  # fmt: skip
def test_what_is_the_same_in_every_language(text, found):
    assert [text[start:end] for start, end in find_addresses(text)] == found


def test_a_changed_path_is_flagged_in_its_place():
    source = "Le fichier /home/utilisateur/notes.txt existe."
    (flag,) = check_addresses(source, "The file /home/user/notes.txt exists.", FR, ENGLISH)
    start, end = flag.source_span or (0, 0)
    assert source[start:end] == "/home/utilisateur/notes.txt"
