"""The reference that a configuration names: which text it is, in sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtalign.document import BlockKind
from mtalign.errors import ConfigError
from mtalign.formats import read_document
from mtalign.segment import split_sentences

if TYPE_CHECKING:
    from mtalign.job.config import JobConfig
    from mtalign.languages import Language


@dataclass(frozen=True)
class Reference:
    """A reference text."""

    path: str
    sentences: tuple[str, ...]
    note: str


def load_reference(config: JobConfig, target: Language) -> Reference | None:
    """The reference of ``config``, or None where it names none.

    Raises:
        ConfigError: no block of the document begins as the configuration says.
        DocumentError: the document cannot be read.
    """
    wanted = config.reference
    if not wanted.document:
        return None
    path = config.base / wanted.document
    if not path.is_file():
        raise ConfigError(f"[reference] document {path} does not exist", hint="mend the path")
    document = read_document(path)
    blocks = [block for block in document.blocks if block.kind not in (BlockKind.DATA, BlockKind.CODE)]
    if wanted.starts_with:
        blocks = [block for block in blocks if block.text.startswith(wanted.starts_with)][:1]
    sentences = tuple(
        " ".join(block.text[start:end].split())
        for block in blocks
        for start, end in split_sentences(block.text, target)
    )
    if not sentences:
        raise ConfigError(
            f"[reference] no text of {path} starts with {wanted.starts_with!r}",
            hint="copy the first words of the reference as they stand there",
        )
    return Reference(wanted.document, sentences, wanted.note)
