"""Where mtalign keeps what outlives a run: models, converted models, the translation memory."""

from __future__ import annotations

import os
from pathlib import Path


def mtalign_home() -> Path:
    """``MTALIGN_HOME``, else ``mtalign`` in the user's cache folder (``XDG_CACHE_HOME``, ``~/.cache``)."""
    home = os.environ.get("MTALIGN_HOME")
    if home:
        return Path(home).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mtalign"
