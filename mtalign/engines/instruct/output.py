"""Takes off what a chat model says around a translation, where it cannot be part of the translation."""

from __future__ import annotations

import re

_PREAMBLE = re.compile(
    r"""^(?:sure|certainly|of\ course)[,.!:]?\s*
        (?:here(?:'s|’s|\ is)\ the\ (?:\w+\ )?translation[^:\n]*:)\s*
      | ^here(?:'s|’s|\ is)\ the\ (?:\w+\ )?translation[^:\n]*:\s*
      | ^(?:the\ )?(?:english\ )?translation(?:\ (?:is|into\ english))?:\s*
    """,
    re.IGNORECASE | re.VERBOSE,
)
_NOTE = re.compile(r"\n\s*\(?(?:translator(?:'s|’s) )?note:.*\Z", re.IGNORECASE | re.DOTALL)
_QUOTES = {'"': '"', "“": "”", "'": "'", "‘": "’", "«": "»"}
_SOURCE_QUOTES = frozenset("\"'“”‘’«»„「」『』《》〈〉＂＇")


def strip_chatter(text: str, source: str) -> str:
    """``text`` without a preamble ("Here is the translation:"), a closing note, or quotes round the whole.

    Quotes stay where ``source`` begins or ends with one; a "Note:" or "Translation:" stays where the
    source has a line of its own for it, or a colon.
    """
    text = text.strip()
    if ":" not in source and "：" not in source:
        text = _PREAMBLE.sub("", text, count=1)
    if "\n" not in source.strip():
        text = _NOTE.sub("", text)
    text = text.strip()
    bare = source.strip()
    quoted = bool(bare) and (bare[0] in _SOURCE_QUOTES or bare[-1] in _SOURCE_QUOTES)
    if not quoted and len(text) > 2 and _QUOTES.get(text[0]) == text[-1]:
        inner = text[1:-1]
        if not any(mark in inner for mark in (text[0], text[-1])):
            text = inner.strip()
    return text
