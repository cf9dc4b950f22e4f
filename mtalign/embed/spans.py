"""Which characters of a text the pieces of a sentencepiece tokenizer stand for."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher


def piece_spans(pieces: Sequence[str], text: str) -> list[tuple[int, int]]:
    """The characters of ``text`` of each piece, half-open, without white space; (0, 0) where there are none.

    sentencepiece normalises a text (full-width letters, ligatures) before it cuts it, and gives offsets in
    some of its versions only: what a text becomes under NFKC is laid beside the pieces.
    """
    if unicodedata.is_normalized("NFKC", text):
        origin = [position for position, character in enumerate(text) if not character.isspace()]
        normal = [text[position] for position in origin]
    else:
        normal, origin = [], []
        for position, character in enumerate(text):
            for new in unicodedata.normalize("NFKC", character):
                if not new.isspace():
                    normal.append(new)
                    origin.append(position)
    bare = [piece.replace("\u2581", "") for piece in pieces]
    flat = "".join(bare)
    places: list[int | None] = [*origin]
    if flat != "".join(normal):
        places = [None] * len(flat)
        for here, there, size in SequenceMatcher(None, flat, normal, autojunk=False).get_matching_blocks():
            places[here : here + size] = origin[there : there + size]
    spans = []
    start = 0
    for piece in bare:
        some = [place for place in places[start : start + len(piece)] if place is not None]
        spans.append((some[0], some[-1] + 1) if some else (0, 0))
        start += len(piece)
    return spans
