"""Any sentence-transformers model (Reimers and Gurevych 2019) in a folder on this disk, such as LaBSE."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtalign.errors import MissingPackageError, ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SentenceTransformerEmbedder:
    """A folder with ``modules.json``, run by the library of that name on its default device."""

    def __init__(self, path: Path, *, name: str = "", fingerprint: str = "") -> None:
        """Load the model; nothing is fetched, and no code of the model's folder is run.

        Args:
            path: the model's folder.
            name: how it was asked for; default the path.
            fingerprint: of its files, hex.

        Raises:
            MissingPackageError: sentence-transformers is not installed.
            ModelError: the folder holds no such model, or a damaged one.
        """
        self.name = name or str(path)
        self.fingerprint = fingerprint
        try:
            import sentence_transformers
        except ImportError as error:
            raise MissingPackageError(
                f"the embedder {self.name} needs sentence-transformers, which is not installed",
                hint="pip install 'mtalign[sentence-transformers]'",
            ) from error
        # The library and those below it raise what they like: they share no base class.
        try:
            self._model: Any = sentence_transformers.SentenceTransformer(
                str(path), local_files_only=True, trust_remote_code=False
            )
            self.dimension = int(self._model.encode("a", show_progress_bar=False).shape[0])
        except Exception as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise ModelError(
                f"the sentence-transformers model in {path} cannot be loaded: {reason}",
                hint="copy or fetch the folder again",
            ) from error

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of ``texts``; see :class:`mtalign.embed.Embedder`."""
        import numpy as np

        out = np.zeros((len(texts), self.dimension), np.float32)
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        rows = [row for row, text in enumerate(clean) if text.strip()]
        if rows:
            out[rows] = self._model.encode(
                [clean[row] for row in rows],
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        return out
