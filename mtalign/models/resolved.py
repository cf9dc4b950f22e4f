"""A model ready to be loaded: what the store gives and an engine gets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ResolvedModel:
    """A model that lies on this disk, ready to be loaded."""

    name: str
    """Catalogue name (``qwen``, ``opus-ko-en``) or the path the user gave."""
    path: Path
    """A checkpoint directory, or a ``.gguf`` file."""
    family: str
    """``marian``, ``m2m100`` (also NLLB) or ``gguf``."""
    fingerprint: str
    """SHA-256 over the model's files, hex; two models with the same fingerprint give the same output."""
    licence: str = ""
    attribution: str = ""
    revision: str = ""
    """Commit on the hub, where the model is from there."""
    accepted_licence: str = ""
    """The licence that the user accepted, where it has to be accepted; belongs in the manifest."""

    @property
    def label(self) -> str:
        """``name@first twelve digits of the fingerprint``, as it stands in every output."""
        return f"{self.name}@{self.fingerprint[:12]}"
