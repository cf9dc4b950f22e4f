"""Templates compiled once: compiling those of a page takes longer than filling them.

What Jinja2 makes of them lies in ``<home>/templates/<version and options>/``, each file behind a digest of
its content. A file that is damaged or cannot be written costs the time of compiling, nothing else.
"""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import BytecodeCache

from mtalign.errors import DocumentError
from mtalign.files import write_atomically
from mtalign.home import mtalign_home

if TYPE_CHECKING:
    from jinja2.bccache import Bucket

_DIGEST = hashlib.sha256().digest_size


class CompiledTemplates(BytecodeCache):
    """What the templates of an environment were compiled to."""

    def __init__(self) -> None:
        self._version = metadata.version("jinja2")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill ``bucket`` if its template was compiled before."""
        try:
            content = self._place(bucket).read_bytes()
        except OSError:
            return
        if hashlib.sha256(content[_DIGEST:]).digest() == content[:_DIGEST]:
            bucket.bytecode_from_string(content[_DIGEST:])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what ``bucket`` holds."""
        place, content = self._place(bucket), bucket.bytecode_to_string()
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(place, hashlib.sha256(content).digest() + content)
        except (OSError, DocumentError):
            # The next run compiles again.
            pass

    def _place(self, bucket: Bucket) -> Path:
        """The file for a template as compiled by this version of Jinja2 with the environment's options."""
        options = sorted(
            (name, value) for name, value in vars(bucket.environment).items() if isinstance(value, str | int)
        )
        made_by = hashlib.sha256(repr((self._version, options)).encode()).hexdigest()[:16]
        return mtalign_home() / "templates" / made_by / bucket.key
