"""Text of documents on its way into an output: what must not be lost, and what must not do anything."""

from __future__ import annotations

import re

_SURROGATES = re.compile("[\ud800-\udfff]")
# Everything outside the Char production of XML 1.0, second production of the recommendation.
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CONTROL_PICTURES = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n\r"} | {
    0x7F: 0x2421
}
_MARKDOWN = re.compile(r"[\\`*_\[\]<>|~&$#]")


def encode(text: str) -> bytes:
    """UTF-8; half a surrogate pair, which UTF-8 cannot hold, becomes U+FFFD."""
    return _SURROGATES.sub("\ufffd", text).encode("utf-8")


def visible(text: str) -> str:
    """``text`` with control characters as the pictures that stand for them (U+0000 as ␀)."""
    return text.translate(_CONTROL_PICTURES)


def xml_text(text: str) -> tuple[str, int]:
    """``text`` as XML 1.0 can hold it, and how many characters had to become U+FFFD."""
    return NOT_XML.subn("\ufffd", text)


def markdown(text: str) -> str:
    """``text`` as one line of inline Markdown that reads as it stands and marks nothing up."""
    return _MARKDOWN.sub(r"\\\g<0>", " ".join(visible(text).split()))


def code(text: str) -> str:
    """``text`` as a Markdown code span; as plain text where it holds a backquote."""
    line = " ".join(visible(text).split())
    return f"`{line}`" if line and "`" not in line else markdown(line)


def percent(share: float) -> str:
    """``0.024`` as ``2 %``; what is not quite nothing or not quite all never looks so."""
    if 0 < share < 0.005:
        return "< 1 %"
    if 0.995 <= share < 1:
        return "> 99 %"
    return f"{share:.0%}".replace("%", " %")


def number(value: int) -> str:
    """``12,345``."""
    return f"{value:,}"


def plural(count: int, noun: str) -> str:
    """``1 segment``, ``2 segments``."""
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"
