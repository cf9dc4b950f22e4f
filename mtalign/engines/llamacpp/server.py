"""A llama.cpp server inside this process: loads one GGUF model, speaks to no network, prints nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from mtalign.errors import EngineError, MissingPackageError, ModelError


class LlamaServer:
    """One loaded model.

    llama.cpp's server insists on an HTTP listener; it gets a Unix socket in a private folder, which
    nobody connects to, so that no network socket exists.

    Args:
        path: the ``.gguf`` file.
        context: tokens, prompt and output together, that one request may have.
        slots: how many requests are decoded at the same time.
        micro_batch: tokens evaluated at once.
        threads: threads; by default as many as this process may use.

    Raises:
        MissingPackageError: xllamacpp is not installed.
        ModelError: llama.cpp cannot load the file.
    """

    def __init__(
        self, path: Path, *, context: int, slots: int, micro_batch: int, threads: int | None = None
    ) -> None:
        try:
            import xllamacpp
        except ImportError as error:
            raise MissingPackageError(
                "the llamacpp engine needs the package xllamacpp", hint="pip install 'mtalign[offline]'"
            ) from error
        self.version: str = xllamacpp.__version__
        self._folder: str | None = tempfile.mkdtemp(prefix="mtalign-")
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.hostnames = [str(Path(self._folder) / "s.sock")]
        parameters.n_parallel = slots
        parameters.n_ctx = context * slots
        parameters.cpuparams.n_threads = threads or available_cores()
        parameters.cpuparams_batch.n_threads = threads or available_cores()
        # These six make an output the same bit for bit in any batch: see the package docstring.
        parameters.n_ubatch = micro_batch
        parameters.no_extra_bufts = True
        parameters.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
        parameters.cache_type_k = xllamacpp.ggml_type.GGML_TYPE_BF16
        parameters.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_BF16
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


def available_cores() -> int:
    """Cores that this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
