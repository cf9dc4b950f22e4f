"""Room on the disk, looked at before a long download rather than at its end."""

from __future__ import annotations

import shutil
from pathlib import Path

from mtalign.errors import DownloadError

_SPARE = 64 << 20


def require_space(directory: Path, size: int) -> None:
    """Check that ``size`` bytes, and a little, fit on the disk of ``directory``.

    Raises:
        DownloadError: they do not.
    """
    free = shutil.disk_usage(directory).free
    if size and free < size + _SPARE:
        raise DownloadError(
            f"{directory} has {free / 1e6:,.0f} MB free, the model needs {size / 1e6:,.0f} MB",
            hint="free some space, or set MTALIGN_HOME to another disk",
        )
