"""Stand-ins for addresses: a model that translates a part of one is asked again with another in its place.

A model reads ``contact@assurance-maladie.fr`` as words, and may write ``contact@health insurance.fr``. It is
then asked with ``info@a1.org``, which has nothing to translate; its answer counts only if it has every
stand-in exactly once, and gets the addresses back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mtalign.checks.addresses import find_addresses


@dataclass(frozen=True)
class Masked:
    """A text with stand-ins, and what each stands for."""

    text: str
    stand_ins: tuple[tuple[str, str], ...]


def loses_address(source: str, translation: str) -> bool:
    """Whether an address of ``source`` does not stand in ``translation`` as it is."""
    return any(source[start:end] not in translation for start, end in find_addresses(source))


def mask(text: str) -> Masked | None:
    """``text`` with a stand-in for each address; None where it has something like a stand-in itself."""
    pieces, stand_ins, position = [], [], 0
    for number, (start, end) in enumerate(find_addresses(text), 1):
        address = text[start:end]
        stand_in = f"info@a{number}.org" if "@" in address[1:] else f"www.a{number}.org"
        pieces += [text[position:start], stand_in]
        stand_ins.append((stand_in, address))
        position = end
    masked = "".join(pieces) + text[position:]
    if any(masked.count(stand_in) != 1 for stand_in, _ in stand_ins):
        return None
    return Masked(masked, tuple(stand_ins))


def unmask(masked: Masked, translation: str) -> str | None:
    """``translation`` of the masked text with the addresses; None where a stand-in is lost or doubled."""
    if any(translation.count(stand_in) != 1 for stand_in, _ in masked.stand_ins):
        return None
    addresses = dict(masked.stand_ins)
    pattern = "|".join(map(re.escape, addresses))
    return re.sub(pattern, lambda found: addresses[found[0]], translation)
