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
    for block in blocks:
        spoken = given or identify(block.text, found) or found
        # A line break inside a sentence is layout.
        texts += [
            " ".join(block.text[start:end].split()) for start, end in split_sentences(block.text, spoken)
        ]
    if not texts:
        raise DocumentError(f"{path}: holds no text to align", hint="check the file")
    return Sentences(tuple(texts), found)
