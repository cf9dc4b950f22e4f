"""The exception tree. Everything a user can cause ends in one of these; the command line maps them once.

::

    MtalignError            1  failed
    ├── UsageError          2  the call is wrong: unknown option, file, language, model, configuration
    │   ├── LanguageError      unknown or undecided language
    │   └── ConfigError        configuration file
    ├── DocumentError       1  a document cannot be read or written
    ├── ModelError          1  a model is missing, corrupt, refused or cannot be loaded
    │   ├── DownloadError      a download failed
    │   └── LicenseError       a licence has to be accepted first
    ├── EngineError         1  an engine failed while it ran
    ├── MissingPackageError 1  an optional package is not installed
    ├── MemoryStoreError    1  the translation memory cannot be used
    ├── ScoreError          1  a score cannot be computed
    └── ConflictError       1  reviewers disagree, and nothing says whose side to take

Exit codes: 0 done, 1 failed, 2 usage, 3 finished but some segments failed or a gate was missed,
130 interrupted.
"""

from __future__ import annotations

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INCOMPLETE = 3
EXIT_INTERRUPTED = 130


class MtalignError(Exception):
    """Base of all errors: one line that names the cause, and a hint that names the next step."""

    exit_code = EXIT_FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        line = f"{self.message}; {self.hint}" if self.hint else self.message
        return " ".join(line.split())


class UsageError(MtalignError):
    """The call is wrong."""

    exit_code = EXIT_USAGE


class LanguageError(UsageError):
    """A language is unknown or cannot be decided."""


class ConfigError(UsageError):
    """A configuration file is wrong."""


class DocumentError(MtalignError):
    """A document cannot be read or written."""


class ModelError(MtalignError):
    """A model is missing, corrupt, refused, or cannot be loaded."""


class DownloadError(ModelError):
    """A download failed; what has been fetched is kept for the next try."""


class LicenseError(ModelError):
    """A model's licence has to be accepted first."""


class EngineError(MtalignError):
    """An engine failed while it ran."""


class MissingPackageError(MtalignError):
    """An optional package is not installed; the hint is the exact ``pip install`` line."""


class MemoryStoreError(MtalignError):
    """The translation memory cannot be opened, read or written."""


class ScoreError(MtalignError):
    """A score cannot be computed."""


class ConflictError(MtalignError):
    """Reviewers disagree, and nothing says whose side to take."""
