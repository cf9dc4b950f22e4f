"""Arrays that a package keeps compressed, unpacked once: that takes longer than all that is done with them.

They lie in ``<home>/<what>/<content>/``, moved there when they are whole, and are mapped into memory, so that
only what is looked at is read.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mtalign.home import mtalign_home

Arrays = Mapping[str, Any]
"""NumPy arrays by name."""


def unpacked(what: str, content: str, unpack: Callable[[], Arrays]) -> Arrays:
    """The arrays by name, read only; ``unpack`` gives them where there is no copy of this ``content`` yet.

    Raises:
        OSError: the copy cannot be written or read; whatever ``unpack`` raises.
        ValueError: an array of the copy is damaged.
    """
    import numpy as np

    folder = mtalign_home() / what / content
    if not folder.is_dir():
        _write(folder, unpack())
    return {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in folder.glob("*.npy")}


def _write(folder: Path, arrays: Arrays) -> None:
    import numpy as np

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}.half-", dir=folder.parent) as half:
        new = Path(half) / "new"
        new.mkdir()
        for name, array in arrays.items():
            np.save(new / f"{name}.npy", array)
        # Where another process was first, its folder is as good.
        with contextlib.suppress(OSError):
            new.rename(folder)
