"""One Language type: every way of writing a language parses to it, and it says what each engine calls it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """A language, named once for the whole project."""

    code: str
    """ISO 639-1 where there is one, else ISO 639-3: ``ko``."""
    name: str
    """English name: ``Korean``."""
    nllb: str
    """Code of NLLB-200 / FLORES-200: ``kor_Hang``."""
    script: str
    """ISO 15924 script: ``Hang``."""
