"""The model's vocabulary as bytes: how long a text is in tokens, and which tokens a target forbids.

A token of a byte-level vocabulary may hold part of a character only. A token is forbidden when it holds
a character of a forbidden script, or ends in bytes that one of those characters begins with; so no
sequence of allowed tokens can spell such a character, and no other token has to go: curly quotes, dashes,
the euro sign, accented Latin letters and emoji stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from mtalign.engines.instruct.gguf import GgufFile
from mtalign.errors import ModelError

EAST_ASIAN_SCRIPTS = frozenset({"Hani", "Hans", "Hant", "Hira", "Kana", "Jpan", "Hang", "Kore", "Bopo"})
EAST_ASIAN_RANGES: tuple[tuple[int, int], ...] = (
    (0x1100, 0x11FF),  # Hangul Jamo
    (0x2E80, 0x2FFF),  # CJK radicals, Kangxi, ideographic description
    (0x3000, 0x33FF),  # CJK punctuation, Kana, Bopomofo, Hangul compatibility Jamo, enclosed, squared
    (0x3400, 0x4DBF),  # Han extension A
    (0x4E00, 0x9FFF),  # Han
    (0xA960, 0xA97F),  # Hangul Jamo extended A
    (0xAC00, 0xD7FF),  # Hangul syllables, Jamo extended B
    (0xF900, 0xFAFF),  # Han compatibility
    (0xFE30, 0xFE4F),  # CJK compatibility forms
    (0xFF00, 0xFFEF),  # full-width and half-width forms
    (0x1AFF0, 0x1B16F),  # Kana supplements
    (0x20000, 0x3FFFD),  # Han extensions B and later
)
"""Characters, first and last, that text in a target without an East Asian script never needs."""

_CONTROL = 3
_UNUSED = 5
_BYTE = 6
_SENTENCEPIECE_SPACE = "▁"


class Vocabulary:
    """Tokens of a GGUF model, as bytes.

    Raises:
        ModelError: the file has no vocabulary, or a damaged one.
    """

    def __init__(self, gguf: GgufFile) -> None:
        texts = [token for token in gguf.array("tokenizer.ggml.tokens") if isinstance(token, bytes)]
        if not texts:
            raise ModelError(f"the model {gguf.path} holds no vocabulary", hint="give a GGUF text model")
        if len(set(texts)) != len(texts):
            # llama.cpp ends the process on such a file.
            raise ModelError(f"the model {gguf.path} is damaged: its vocabulary holds a token twice")
        types = gguf.array("tokenizer.ggml.token_type")
        kinds = [int(kind) if isinstance(kind, int) else 1 for kind in types] or [1] * len(texts)
        byte_level = gguf.text("tokenizer.ggml.model") == "gpt2"
        self.tokens: list[bytes] = [
            b"" if kind in (_CONTROL, _UNUSED) else _token_bytes(text, kind, byte_level)
            for text, kind in zip(texts, kinds, strict=True)
        ]
        """Bytes each token id stands for; empty for control tokens."""
        self._controls = [
            text.decode("utf-8", "replace")
            for text, kind in zip(texts, kinds, strict=True)
            if kind == _CONTROL
        ]
        self._known = frozenset(token for token in self.tokens if token)
        self._longest = min(48, max(len(token) for token in self._known)) if self._known else 1

    def __len__(self) -> int:
        """Number of token ids."""
        return len(self.tokens)

    def count(self, text: str) -> int:
        """Length of ``text`` in tokens, by longest match from the left.

        The model's own merges give the same or a few tokens fewer or more; that is near enough for
        a length bound and for filling a batch.
        """
        data = text.encode("utf-8", "replace")
        position = tokens = 0
        while position < len(data):
            for length in range(min(self._longest, len(data) - position), 0, -1):
                if length == 1 or data[position : position + length] in self._known:
                    position += length
                    break
            tokens += 1
        return tokens

    def without_controls(self, text: str) -> str:
        """``text`` with a space inside whatever the model would read as a control token (``<|im_end|>``)."""
        for control in self._controls:
            if len(control) > 1 and control in text:
                text = text.replace(control, f"{control[0]} {control[1:]}")
        return text

    def spelling(self, ranges: Sequence[tuple[int, int]]) -> list[int]:
        """Ids of all tokens that hold, or could begin, a character in ``ranges``."""
        return [index for index, token in enumerate(self.tokens) if spells(token, ranges)]


def forbidden_ranges(target_script: str) -> tuple[tuple[int, int], ...]:
    """Character ranges that a text in ``target_script`` (ISO 15924) must not hold."""
    return () if target_script in EAST_ASIAN_SCRIPTS else EAST_ASIAN_RANGES


def spells(token: bytes, ranges: Sequence[tuple[int, int]]) -> bool:
    """Whether ``token`` holds a character in ``ranges`` or ends in bytes that can become one."""
    if not token or token.isascii():
        return False
    tail = _open_tail(token)
    whole = token[: len(token) - len(tail)].decode("utf-8", "ignore")
    if any(_inside(ord(character), ranges) for character in whole):
        return True
    return bool(tail) and _reaches(tail, tuple(ranges))


def _inside(character: int, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= character <= last for first, last in ranges)


def _open_tail(token: bytes) -> bytes:
    """The bytes at the end of ``token`` that begin a character but do not finish it."""
    for back in range(1, min(3, len(token)) + 1):
        byte = token[-back]
        if byte >= 0xC0:
            width = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return token[-back:] if back < width else b""
        if byte < 0x80:
            return b""
    return b""


@cache
def _reaches(tail: bytes, ranges: tuple[tuple[int, int], ...]) -> bool:
    lead = tail[0]
    width = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    value = lead & (0x7F >> width)
    for byte in tail[1:]:
        value = value << 6 | byte & 0x3F
    missing = 6 * (width - len(tail))
    lowest, highest = value << missing, ((value + 1) << missing) - 1
    return any(first <= highest and lowest <= last for first, last in ranges)


def _token_bytes(text: bytes, kind: int, byte_level: bool) -> bytes:
    if kind == _BYTE and len(text) == 6 and text.startswith(b"<0x"):
        return bytes([int(text[3:5], 16)])
    string = text.decode("utf-8", "replace")
    if not byte_level:
        return string.replace(_SENTENCEPIECE_SPACE, " ").encode()
    table = _byte_level_table()
    if all(character in table for character in string):
        return bytes(table[character] for character in string)
    return text


@cache
def _byte_level_table() -> dict[str, int]:
    """GPT-2's printable stand-in for each byte, inverted (Radford et al. 2019, ``bytes_to_unicode``)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}
