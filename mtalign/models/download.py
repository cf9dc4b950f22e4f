"""Fetch one file over HTTP: resume, verify, retry. Nothing gets its final name before it is verified.

The standard library's client rather than the hub's: what a cut, a wrong hash or a dead host leads to, and
after how many seconds, has to be decided here, and one downloader serves every mirror.
"""

from __future__ import annotations

import errno
import http.client
import json
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mtalign import __version__
from mtalign.errors import DownloadError
from mtalign.models.catalogue import FilePin
from mtalign.models.hashing import CHUNK, git_blob_sha1, sha256_file

Progress = Callable[[int, "int | None", str], None]
"""Told of bytes done, bytes in all (``None``: not known) and the name of the file."""

_RETRIED_STATUS = frozenset({408, 429, 500, 502, 503, 504})
_LONGEST_WAIT = 30.0


def no_progress(_done: int, _total: int | None, _name: str) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class Client:
    """How HTTP requests are made: credentials, time-outs and retries."""

    token: str | None = None
    """Sent as ``Authorization: Bearer``, to the first host only, never to one it redirects to."""
    timeout: float = 30.0
    """Seconds to connect, and to wait for the next bytes."""
    attempts: int = 5
    """Tries in a row that bring no byte before a download is given up."""
    wait: Callable[[float], None] = field(default=time.sleep)
    """Waits the given number of seconds between two tries."""

    def open(self, url: str, headers: Mapping[str, str] | None = None) -> http.client.HTTPResponse:
        """Send a GET request; redirects are followed, proxies and certificates are those of the system."""
        if urlsplit(url).scheme not in ("http", "https"):
            raise DownloadError(f"{url} is not an http address", hint="check HF_ENDPOINT")
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
            url,
            headers={
                "User-Agent": f"mtalign/{__version__}",
                "Accept-Encoding": "identity",
                **(headers or {}),
            },
        )
        if self.token:
            request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        response = urllib.request.urlopen(request, timeout=self.timeout)  # noqa: S310
        assert isinstance(response, http.client.HTTPResponse)
        return response

    def get_json(self, url: str) -> Any:
        """Fetch a JSON document, with retries.

        Raises:
            DownloadError: unreachable, refused, or not JSON.
        """
        failure: Exception | None = None
        for attempt in range(self.attempts):
            if failure is not None:
                self.wait(_backoff(attempt, failure))
            try:
                with self.open(url) as response:
                    return json.loads(response.read())
            except (OSError, http.client.HTTPException) as error:
                if not _worth_a_retry(error):
                    raise explain(error, url) from error
                failure = error
            except ValueError as error:
                raise DownloadError(
                    f"{url} did not answer with JSON", hint="check HF_ENDPOINT and your proxy"
                ) from error
        assert failure is not None
        raise explain(failure, url) from failure


def fetch_file(
    client: Client, url: str, target: Path, pin: FilePin, progress: Progress = no_progress
) -> None:
    """Fetch ``url`` to ``target``, going on from ``<target>.partial`` where there is one.

    ``target`` appears only when size and hash are those of ``pin`` (size, sha-256, else git sha-1).

    Raises:
        DownloadError: unreachable, refused, cut off too often, the wrong bytes, or no room. What came is
            kept for the next try, unless it is wrong.
    """
    partial = target.with_name(f"{target.name}.partial")
    resumed = _size(partial) > 0
    _fetch_with_retries(client, url, partial, pin, progress)
    problem = mismatch(partial, pin)
    if problem and resumed:
        # What was there may have been of another revision.
        partial.unlink()
        _fetch_with_retries(client, url, partial, pin, progress)
        problem = mismatch(partial, pin)
    if problem:
        partial.unlink()
        raise DownloadError(
            f"{pin.name} from {urlsplit(url).netloc} is not the file expected: {problem}",
            hint="nothing of it was kept; try again, or another source",
        )
    partial.replace(target)


def mismatch(path: Path, pin: FilePin) -> str:
    """Why the file at ``path`` is not the one pinned; empty when it is. Without any pin nothing matches."""
    size = path.stat().st_size
    if pin.size is not None and size != pin.size:
        return f"{size} bytes instead of {pin.size}"
    if pin.sha256 is not None:
        found = sha256_file(path)
        return "" if found == pin.sha256 else f"sha-256 {found[:12]}… instead of {pin.sha256[:12]}…"
    if pin.git_sha1 is not None:
        found = git_blob_sha1(path)
        return "" if found == pin.git_sha1 else f"git sha-1 {found[:12]}… instead of {pin.git_sha1[:12]}…"
    return "no hash is known for it"


def _fetch_with_retries(client: Client, url: str, partial: Path, pin: FilePin, progress: Progress) -> None:
    failure: Exception | None = None
    idle = 0
    while idle < client.attempts:
        if failure is not None:
            client.wait(_backoff(idle, failure))
        before = _size(partial)
        try:
            _fetch_rest(client, url, partial, pin, progress)
            return
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DownloadError(
                    f"the disk is full: no room for {pin.name} in {partial.parent}",
                    hint="free some space, or set MTALIGN_HOME to another disk; what came is kept",
                ) from error
            if not _worth_a_retry(error):
                raise explain(error, url) from error
            failure = error
            idle = 1 if _size(partial) > before else idle + 1
    assert failure is not None
    raise explain(failure, url, kept=_size(partial)) from failure


class _CutOffError(OSError):
    """The connection ended before the file did."""


def _fetch_rest(client: Client, url: str, partial: Path, pin: FilePin, progress: Progress) -> None:
    done = _size(partial)
    if pin.size is not None and done > pin.size:
        partial.unlink()
        done = 0
    if done and done == pin.size:
        return
    headers = {"Range": f"bytes={done}-"} if done else {}
    try:
        response = client.open(url, headers)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not done:
            raise
        # The server has nothing after what we have: a longer, older partial file. Start anew.
        partial.unlink()
        raise _CutOffError("the file on the server is shorter than what was fetched") from error
    with response:
        resumed = response.status == 206 and (response.headers.get("Content-Range") or "").startswith(
            f"bytes {done}-"
        )
        if not resumed:
            done = 0
        length = response.headers.get("Content-Length")
        end = done + int(length) if length is not None else pin.size
        with partial.open("ab" if resumed else "wb") as stream:
            progress(done, end, pin.name)
            while chunk := response.read(CHUNK):
                stream.write(chunk)
                done += len(chunk)
                progress(done, end, pin.name)
    if end is not None and done < end:
        raise _CutOffError(f"the connection was cut after {done} of {end} bytes")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _backoff(attempt: int, failure: Exception) -> float:
    if isinstance(failure, urllib.error.HTTPError):
        asked = failure.headers.get("Retry-After") or ""
        if asked.isdigit():
            return min(float(asked), _LONGEST_WAIT)
    return min(0.5 * 2.0**attempt, _LONGEST_WAIT)


def _worth_a_retry(error: Exception) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return error.code in _RETRIED_STATUS
    if isinstance(error, urllib.error.URLError):
        # A host that is unknown, refuses or does not take the connection stays so for the next seconds.
        return isinstance(error.reason, ConnectionResetError)
    return isinstance(error, ConnectionError | TimeoutError | http.client.HTTPException | _CutOffError)


def explain(error: Exception, url: str, *, kept: int = 0) -> DownloadError:
    """The error that a user reads for a failed request: which host, why, and what to do."""
    host = urlsplit(url).netloc
    if isinstance(error, urllib.error.HTTPError):
        if error.code in (401, 403):
            return DownloadError(
                f"{host} refuses access ({error.code}) to {url}",
                hint="if the model is gated, accept its terms on the hub and set HF_TOKEN",
            )
        if error.code == 404:
            return DownloadError(
                f"{host} has no {url} (404)", hint="check HF_ENDPOINT, or pull from elsewhere"
            )
        return DownloadError(
            f"{host} answers {error.code} {error.reason} for {url}", hint="try again in a while"
        )
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, socket.gaierror):
        why = "its address cannot be found"
    elif isinstance(reason, ConnectionRefusedError):
        why = "it refuses the connection"
    elif isinstance(reason, TimeoutError):
        why = "it does not answer in time"
    else:
        why = " ".join(str(reason).split())
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EROFS) and error.filename:
        return DownloadError(f"cannot write {error.filename}: {os.strerror(error.errno)}")
    if kept:
        return DownloadError(
            f"the download from {host} broke off ({why}); {kept} bytes are kept",
            hint="the same command goes on from there",
        )
    return DownloadError(
        f"{host} cannot be reached: {why}",
        hint="check network and proxy, set HF_ENDPOINT to a mirror, use --offline with a model that is in "
        "the store, or `mtalign models pull NAME --from PATH`",
    )
