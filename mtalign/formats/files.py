"""Which files are documents, and what they are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mtalign.errors import DocumentError, UsageError

FORMATS = {".txt": "text", ".md": "markdown", ".markdown": "markdown"}
"""File name suffix to format."""


def format_of(path: Path) -> str:
    """Format of a file by its name; what is not known as something else is plain text."""
    return FORMATS.get(path.suffix.lower(), "text")


def find_documents(path: Path) -> list[Path]:
    """The documents at ``path``: the file itself, or a directory's ``.txt``, ``.md`` and ``.markdown`` files.

    Hidden files and subdirectories are left out.

    Returns:
        Paths sorted by name.

    Raises:
        UsageError: nothing is there, or the directory holds no document.
        DocumentError: the directory cannot be read.
    """
    try:
        if not path.is_dir():
            if not path.exists():
                raise UsageError(f"{path} does not exist", hint="check the path")
            return [path]
        found = [
            entry
            for entry in path.iterdir()
            if entry.suffix.lower() in FORMATS and not entry.name.startswith(".") and entry.is_file()
        ]
    except OSError as error:
        raise DocumentError(f"cannot read {path}: {error.strerror}") from error
    if not found:
        raise UsageError(f"{path} holds no document", hint="it needs a .txt, .md or .markdown file")
    return sorted(found, key=lambda entry: entry.name)


def document_ids(paths: Sequence[Path]) -> list[str]:
    """An id for each document, unique among them and safe as a file name.

    The digits before the first ``_`` (``004_2c9f.txt`` is ``004``), else the stem; where two would be the
    same, their whole stems; where those are the same too, with a number.
    """
    stems = [_safe(path.stem) for path in paths]
    short = [_short(stem) for stem in stems]
    uses = Counter(short)
    wanted = [name if uses[name] == 1 else stem for name, stem in zip(short, stems, strict=True)]
    taken: set[str] = set()
    ids = []
    for name in wanted:
        unique, number = name, 1
        while unique.casefold() in taken:
            number += 1
            unique = f"{name}-{number}"
        taken.add(unique.casefold())
        ids.append(unique)
    return ids


def _short(stem: str) -> str:
    leading = re.match(r"(\d+)_", stem)
    return leading.group(1) if leading else stem


def _safe(stem: str) -> str:
    return re.sub(r"[^\w-]+", "-", stem).strip("-_")[:80] or "document"
