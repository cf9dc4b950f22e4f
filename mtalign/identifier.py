"""py3langid's model, unpacked once: unpacking it takes longer than all else in translating a sentence.

The package keeps it compressed by LZMA. The unpacked arrays lie in ``<home>/langid/<hash of the compressed
file>/``, moved there when they are whole, and are mapped into memory, so that only what is looked at is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import lzma
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtalign.errors import MtalignError
from mtalign.home import mtalign_home

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

_ARRAYS = ("ptc", "pc", "classes", "nextmove", "nextmove_row", "out_feat")


def load_identifier() -> LanguageIdentifier:
    """The identifier over all its languages, probabilities normalised.

    Raises:
        MtalignError: it cannot be loaded.
    """
    from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier

    try:
        return LanguageIdentifier(**_parts(_unpacked(MODEL_DIR / MODEL_FILE)), norm_probs=True)
    except (OSError, ValueError, KeyError, TypeError, lzma.LZMAError):
        # Another version of the package, or a home that cannot be written: its own way takes longer.
        pass
    try:
        return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    except OSError as error:
        # It unpacks its model to a temporary file of some 70 MB first.
        raise MtalignError(
            f"cannot load the language identifier: {error.strerror}", hint="make room in the temporary folder"
        ) from error


def _unpacked(packed: Path) -> Path:
    """The folder with the unpacked model, made if it is not there."""
    import numpy as np

    content = packed.read_bytes()
    folder = mtalign_home() / "langid" / hashlib.sha256(content).hexdigest()[:16]
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}.half-", dir=folder.parent) as half:
        new = Path(half) / "new"
        new.mkdir()
        with np.load(io.BytesIO(lzma.decompress(content)), allow_pickle=False) as data:
            for name in _ARRAYS:
                np.save(new / f"{name}.npy", data[name])
        # Where another process was first, its folder is as good.
        with contextlib.suppress(OSError):
            new.rename(folder)
    return folder


def _parts(folder: Path) -> dict[str, Any]:
    """The identifier's parts, as ``py3langid.modelio.load_model`` makes them."""
    import numpy as np

    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS}
    return {
        "nb_ptc": np.asarray(arrays["ptc"]),
        "nb_pc": np.asarray(arrays["pc"]),
        "nb_classes": arrays["classes"].tolist(),
        # Indexing a memoryview gives Python's numbers, as quickly as an array of the standard library.
        "tk_nextmove": memoryview(arrays["nextmove"]),
        "tk_row": memoryview(arrays["nextmove_row"]),
        "tk_output": arrays["out_feat"].tolist(),
    }
