"""Spelling compared without case and accents."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "Ø": "o", "đ": "d", "Đ": "d", "ł": "l", "Ł": "l", "æ": "ae"})


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """``text`` in lower case, without accents, in NFKC otherwise: ``Köln`` is ``koln``."""
    lower = text.lower()
    if lower.isascii():
        return lower
    parts = unicodedata.normalize("NFKD", lower.translate(_LETTERS))
    return unicodedata.normalize("NFC", "".join(c for c in parts if not _is_accent(c)))


def _is_accent(character: str) -> bool:
    return "\u0300" <= character <= "\u036f"


@lru_cache(maxsize=4096)
def shared_letters(word: str, text: str) -> float:
    """The longest run of letters that a folded word shares with a folded text, over its length."""
    for size in range(len(word), 0, -1):
        if any(word[start : start + size] in text for start in range(len(word) - size + 1)):
            return size / len(word)
    return 0.0
