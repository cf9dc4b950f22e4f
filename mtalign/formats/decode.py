"""Bytes to text: UTF-8 or UTF-16 with a byte order mark; everything else is refused with its cause."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from mtalign.errors import DocumentError

_MAGIC = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a zip archive (a .docx, .epub or .odt is one)"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x7fELF", "a program"),
    (b"GGUF", "a GGUF model"),
    (b"SQLite format 3", "an SQLite database"),
    (b"{\\rtf", "an RTF document"),
)
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_CONVERT = "convert it: iconv -f EUC-KR -t utf-8 (or SHIFT_JIS, GB18030, LATIN1) IN > OUT"


@dataclass(frozen=True)
class Decoded:
    """A text and what is needed to write it back in the same encoding."""

    text: str
    encoding: str
    bom: bool


def decode(data: bytes, path: str) -> Decoded:
    """Decode a document's bytes; ``path`` names it in errors.

    Raises:
        DocumentError: the bytes are empty, binary, or not in an encoding that we read.
    """
    if not data:
        raise DocumentError(f"{path} is empty")
    for magic, what in _MAGIC:
        if data.startswith(magic):
            raise DocumentError(f"{path} is {what}, not text", hint="export it as .txt or .md (UTF-8) first")
    encoding, bom = "utf-8", b""
    if data.startswith(codecs.BOM_UTF8):
        bom = codecs.BOM_UTF8
    elif data[:2] in _UTF16 and data[:4] != codecs.BOM_UTF32_LE:
        encoding, bom = _UTF16[data[:2]], data[:2]
    try:
        text = data[len(bom) :].decode(encoding)
    except UnicodeDecodeError as error:
        offset = len(bom) + error.start
        if b"\0" in data and encoding == "utf-8":
            raise DocumentError(
                f"{path} is binary, not text (not UTF-8 at byte {offset})",
                hint="export it as .txt or .md (UTF-8) first",
            ) from error
        raise DocumentError(
            f"{path} is not {encoding.upper()}: {error.reason} at byte {offset}", hint=_CONVERT
        ) from error
    if "\0" in text:
        raise DocumentError(
            f"{path} is binary, not text (NUL at character {text.index(chr(0))})",
            hint="export it as .txt or .md first; a UTF-16 text needs its byte order mark",
        )
    if not text.strip():
        raise DocumentError(f"{path} is empty: it holds white space only")
    return Decoded(text, encoding, bool(bom))


def encode(text: str, encoding: str, bom: bool) -> bytes:
    """The bytes of ``text`` as :func:`decode` found its document: same encoding, same byte order mark."""
    return (chr(0xFEFF) if bom else "").encode(encoding) + text.encode(encoding)
