"""The sentences of a document, for aligning it with another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mtalign.document import BlockKind
from mtalign.errors import DocumentError, LanguageError
from mtalign.formats import read_document
from mtalign.languages import Language, identify, parse_language
from mtalign.segment import split_sentences

_VERBATIM = (BlockKind.DATA, BlockKind.CODE)


@dataclass(frozen=True)
class Sentences:
    """A document's sentences in order, and the language it was split as."""

    texts: tuple[str, ...]
    language: Language
    starts: tuple[bool, ...]
    """Whether each sentence begins a block: a paragraph, a heading, a list item, a cell."""
    headings: tuple[bool, ...]
    """Whether each sentence belongs to a heading."""


def read_sentences(path: Path, language: str | None = None) -> Sentences:
    """Read a document and split its text, data and code left out, into sentences.

    ``language`` in any spelling; where it is None it is found from the text.

    Raises:
        UsageError: there is no such file.
        DocumentError: the file cannot be read or holds no text.
        LanguageError: the language is unknown or undecided.
    """
    document = read_document(path)
    blocks = [block for block in document.blocks if block.kind not in _VERBATIM]
    given = parse_language(language) if language else None
    found = given or identify("\n".join(block.text for block in blocks))
    if found is None:
        raise LanguageError(f"{path}: the language is undecided", hint="name it, for example --from ko")
    texts: list[str] = []
    starts: list[bool] = []
    headings: list[bool] = []
    for block in blocks:
        spoken = given or identify(block.text, found) or found
        for number, (start, end) in enumerate(split_sentences(block.text, spoken)):
            # A line break inside a sentence is layout.
            texts.append(" ".join(block.text[start:end].split()))
            starts.append(number == 0)
            headings.append(block.kind is BlockKind.HEADING)
    if not texts:
        raise DocumentError(f"{path}: holds no text to align", hint="check the file")
    return Sentences(tuple(texts), found, tuple(starts), tuple(headings))
