"""py3langid's model, unpacked once (:mod:`mtalign.unpacked`): the package keeps it compressed by LZMA."""

from __future__ import annotations

import hashlib
import io
import lzma
from typing import TYPE_CHECKING, Any

from mtalign.errors import MtalignError
from mtalign.unpacked import Arrays, unpacked

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
        packed = (MODEL_DIR / MODEL_FILE).read_bytes()
        arrays = unpacked("langid", hashlib.sha256(packed).hexdigest()[:16], lambda: _arrays(packed))
        return LanguageIdentifier(**_parts(arrays), norm_probs=True)
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


def _arrays(packed: bytes) -> Arrays:
    import numpy as np

    with np.load(io.BytesIO(lzma.decompress(packed)), allow_pickle=False) as data:
        return {name: data[name] for name in _ARRAYS}


def _parts(arrays: Arrays) -> dict[str, Any]:
    """The identifier's parts, as ``py3langid.modelio.load_model`` makes them."""
    import numpy as np

    return {
        "nb_ptc": np.asarray(arrays["ptc"]),
        "nb_pc": np.asarray(arrays["pc"]),
        "nb_classes": arrays["classes"].tolist(),
        # Indexing a memoryview gives Python's numbers, as quickly as an array of the standard library.
        "tk_nextmove": memoryview(arrays["nextmove"]),
        "tk_row": memoryview(arrays["nextmove_row"]),
        "tk_output": arrays["out_feat"].tolist(),
    }
