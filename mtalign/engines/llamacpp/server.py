"""A llama.cpp server inside this process: loads one GGUF model, speaks to no network, prints nothing."""

from __future__ import annotations

import shutil
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mtalign.engines.cores import available_cores
from mtalign.errors import EngineError, MissingPackageError, ModelError


class LlamaServer:
    """One loaded model.

    llama.cpp's server insists on an HTTP listener; it gets a Unix socket in a private folder, which
    nobody connects to, so that no network socket exists.

    Args:
        path: the ``.gguf`` file.
        context: tokens, prompt and output together, that one request may have.
        slots: how many caches of evaluated tokens there are.
        threads: threads; by default as many as this process may use.

    Raises:
        ModelError: llama.cpp cannot load the file.
    """

    def __init__(self, path: Path, *, context: int, slots: int, threads: int | None = None) -> None:
        import xllamacpp

        self._folder: str | None = tempfile.mkdtemp(prefix="mtalign-")
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.hostnames = [str(Path(self._folder) / "s.sock")]
        parameters.n_parallel = slots
        parameters.n_ctx = context * slots
        parameters.cpuparams.n_threads = threads or available_cores()
        parameters.cpuparams_batch.n_threads = threads or available_cores()
        parameters.n_gpu_layers = 0
        parameters.verbosity = 0
        parameters.warmup = False
        parameters.cache_ram_mib = 0
        parameters.fit_params = False
        parameters.ui = False
        parameters.endpoint_slots = False
        try:
            self._server: Any = xllamacpp.Server(parameters)
        except Exception as error:
            self.close()
            raise ModelError(
                f"llama.cpp cannot load {path}: the file is damaged, or of a kind that it does not know",
                hint="check it with mtalign models verify",
            ) from error

    def chat(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer a chat completion request in OpenAI's form.

        Raises:
            EngineError: llama.cpp refused the request or failed.
        """
        if self._server is None:
            raise EngineError("the llamacpp engine is closed")
        try:
            answer = self._server.handle_chat_completions(body)
        except Exception as error:
            raise EngineError(f"llama.cpp failed: {error}") from error
        if not isinstance(answer, dict) or "choices" not in answer:
            cause = answer.get("error", answer) if isinstance(answer, dict) else answer
            detail = cause.get("message", cause) if isinstance(cause, dict) else cause
            raise EngineError(f"llama.cpp refused the request: {detail}")
        return answer

    def close(self) -> None:
        """Free the model and remove the socket's folder; calling it twice is harmless."""
        self._server = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def library_version() -> str:
    """Version of xllamacpp, without importing it.

    Raises:
        MissingPackageError: it is not installed.
    """
    if find_spec("xllamacpp") is None:
        raise MissingPackageError(
            "the llamacpp engine needs the package xllamacpp", hint="pip install 'mtalign[offline]'"
        )
    return version("xllamacpp")
