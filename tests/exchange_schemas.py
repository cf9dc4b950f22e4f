"""What a valid TMX and a valid XLIFF is: the tests' own schemas, and what a schema cannot say.

No package that the tests could use has the schemas of OASIS and LISA. Those in ``data/`` were written out
from the specifications and then compared, by reading, with ``xliff_core_2.0.xsd`` and ``metadata.xsd``
(narrower than both) and ``tmx14.dtd`` (the same content models and attributes).
"""

from __future__ import annotations

from pathlib import Path

from lxml import etree

DATA = Path(__file__).parent / "data"
XLIFF_SCHEMA = etree.RelaxNG(etree.parse(str(DATA / "xliff21.rng")))
TMX_SCHEMA = etree.DTD(str(DATA / "tmx14.dtd"))
NS = {"x": "urn:oasis:names:tc:xliff:document:2.0", "m": "urn:oasis:names:tc:xliff:metadata:2.0"}
LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def parse(content: bytes) -> etree._Element:
    return etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))


def read_xliff(content: bytes) -> etree._Element:
    """The root of a valid XLIFF 2.1."""
    root = parse(content)
    assert XLIFF_SCHEMA.validate(root), XLIFF_SCHEMA.error_log
    assert wrong_in_xliff(root) == []
    return root


def wrong_in_xliff(root: etree._Element) -> list[str]:
    """What the specification demands in words."""
    wrong = []

    def once(scope: str, what: str, ids: list[str]) -> None:
        wrong.extend(f"{what} {i} twice in {scope}" for i in sorted({i for i in ids if ids.count(i) > 1}))

    once("xliff", "file", root.xpath("x:file/@id", namespaces=NS))
    for file in root.iterfind("x:file", NS):
        for kind in ("unit", "group", "note"):
            once(file.get("id"), kind, file.xpath(f".//x:{kind}/@id", namespaces=NS))
    # The optional xml:lang of a source or a target has to be the language of the document.
    for name, language in (("source", root.get("srcLang")), ("target", root.get("trgLang"))):
        others = [e.get(LANG) for e in root.iter(f"{{{NS['x']}}}{name}") if e.get(LANG, language) != language]
        wrong.extend(f"{name} in {other}, not {language}" for other in others)
    # A cp is for what XML cannot hold, and for nothing else.
    for cp in root.iter(f"{{{NS['x']}}}cp"):
        code = int(cp.get("hex"), 16)
        held = code in (9, 10, 13) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
        if held:
            wrong.append(f"cp for U+{code:04X}, which XML holds")
    return wrong


def read_tmx(content: bytes) -> etree._Element:
    """The root of a valid TMX 1.4b."""
    root = parse(content)
    assert TMX_SCHEMA.validate(root), TMX_SCHEMA.error_log
    tuids = root.xpath("//tu/@tuid")
    assert len(set(tuids)) == len(tuids)
    for unit in root.iter("tu"):
        languages = [tuv.get(LANG) for tuv in unit.iter("tuv")]
        # srclang of a unit, or of the header, has to be one of its languages.
        source = unit.get("srclang") or root.find("header").get("srclang")
        assert source == "*all*" or source in languages
        for tuv in unit.iter("tuv"):
            date = tuv.get("changedate")
            assert date is None or (len(date) == 16 and date[8] == "T" and date[-1] == "Z"), date
    return root
