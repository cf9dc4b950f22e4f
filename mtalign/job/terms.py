"""The glossary of a job: read, looked for in the segments, and what became of its terms."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from mtalign.document import Status
from mtalign.errors import ConfigError
from mtalign.glossary import load_glossary
from mtalign.languages import ENGLISH, parse_language

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mtalign.document import Segment, Translation
    from mtalign.glossary import FoundTerm, Glossary
    from mtalign.job.config import JobConfig
    from mtalign.languages import Language
    from mtalign.records import TermHit


def configured_glossary(config: JobConfig, target: Language) -> Glossary | None:
    """The glossary of ``config``, or None where it names none.

    Raises:
        ConfigError: the file cannot be read, a line of it is damaged, or the target is not English.
    """
    if not config.glossary.file:
        return None
    if target.code != ENGLISH.code:
        raise ConfigError(
            f"a glossary gives English terms, and the target is {target.name}",
            hint="leave the glossary out, or translate into English",
        )
    path = config.base / config.glossary.file
    base, whole = config.base.resolve(), path.resolve()
    shown = whole.relative_to(base) if whole.is_relative_to(base) else path
    return load_glossary(path, shown.as_posix())


class TermCounts:
    """How often each term of a glossary was found in a source, and how often its translation holds it."""

    def __init__(self, glossary: Glossary) -> None:
        self._glossary = glossary
        self._found: Counter[Any] = Counter()
        self._hit: Counter[Any] = Counter()

    def add(
        self, segments: Iterable[Segment], translations: Mapping[str, Translation]
    ) -> dict[str, tuple[TermHit, ...]]:
        """Count the terms of the translated ``segments``; what each segment's record says of them, by id.

        What was kept, skipped or failed has no translation that could hold a term, and is not counted.
        """
        terms = {}
        for segment in segments:
            translation = translations[segment.id]
            if translation.status is not Status.TRANSLATED or translation.text is None:
                continue
            found = self._glossary.find(segment.text, parse_language(segment.language))
            if found:
                terms[segment.id] = tuple(self._hit_of(one, translation.text) for one in found)
        return terms

    def _hit_of(self, one: FoundTerm, translation: str) -> TermHit:
        english = one.term.found_in(translation)
        self._found[one.term] += 1
        self._hit[one.term] += english is not None
        return one.start, one.end, english or one.term.english[0], english is not None

    def to_json(self) -> dict[str, Any]:
        """What ``scores.json`` says under ``glossary``.

        ``{"file", "sha256", "terms": lines of the glossary, "found": places in the translated sources, "hit":
        those of them whose translation holds the English, "rate": hit / found or null where none was found,
        "by_term": [{"source", "english": [preferred, alternatives], "note", "found", "hit"}]}``; ``by_term``
        has the terms that were found, in the order of the glossary.
        """
        found, hit = sum(self._found.values()), sum(self._hit.values())
        return {
            "file": self._glossary.path,
            "sha256": self._glossary.sha256,
            "terms": len(self._glossary.terms),
            "found": found,
            "hit": hit,
            "rate": round(hit / found, 4) if found else None,
            "by_term": [
                {
                    "source": term.source,
                    "english": list(term.english),
                    "note": term.note,
                    "found": self._found[term],
                    "hit": self._hit[term],
                }
                for term in self._glossary.terms
                if self._found[term]
            ],
        }


def describe_hits(counts: Mapping[str, Any]) -> str:
    """One line on what :meth:`TermCounts.to_json` counted: the hit rate, and the terms missed most often."""
    from mtalign.report.text import percent

    if not counts["found"]:
        return f"glossary: none of its {counts['terms']} terms is in the sources"
    share = percent(counts["hit"] / counts["found"])
    line = f"glossary: {counts['hit']} of {counts['found']} terms as asked for ({share})"
    missed = sorted(counts["by_term"], key=lambda entry: entry["hit"] - entry["found"])
    names = [
        f"{entry['source']} {entry['found'] - entry['hit']} of {entry['found']}"
        for entry in missed[:5]
        if entry["hit"] < entry["found"]
    ]
    return f"{line}; missed: {', '.join(names)}" if names else line
