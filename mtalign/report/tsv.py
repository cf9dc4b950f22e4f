r"""``segments.tsv``: one segment a line, for spreadsheets, ``cut`` and ``awk``.

UTF-8, a header line, columns separated by one tab, lines ended by one line feed. In a cell a backslash
stands as ``\\``, a tab as ``\t``, a line feed as ``\n`` and a carriage return as ``\r``, so that every line
is one segment and undoing the four gives the text back. Cells are never quoted. An empty cell is a value
that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable

from mtalign.records import Record
from mtalign.report.text import encode

COLUMNS = (
    "id",
    "source_lang",
    "status",
    "score",
    "link_score",
    "flags",
    "source",
    "translation",
    "failure",
    "review",
    "reviewer",
    "reviewed",
    "comment",
)
"""``score`` is the engine's (mean log-probability), ``link_score`` the bead's (0 to 1); ``flags`` are
``severity:name``, separated by a space; ``review`` is a reviewer's verdict, ``reviewed`` its time."""

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def write_tsv(records: Iterable[Record]) -> bytes:
    """The content of a document's ``segments.tsv``."""
    lines = ["\t".join(COLUMNS)]
    for record in records:
        translation, review = record.translation, record.translation.review
        cells = (
            record.segment.id,
            record.segment.language,
            translation.status.value,
            "" if translation.score is None else f"{translation.score:.4f}",
            "" if record.link is None or record.link.score is None else f"{record.link.score:.4f}",
            " ".join(f"{flag.severity.value}:{flag.name}" for flag in translation.flags),
            record.segment.text,
            translation.text or "",
            translation.failure or "",
            review.verdict.value if review and review.verdict else "",
            review.by if review else "",
            review.at if review else "",
            review.comment if review else "",
        )
        lines.append("\t".join(cell.translate(_ESCAPES) for cell in cells))
    return encode("\n".join(lines) + "\n")
