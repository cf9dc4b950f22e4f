"""The Hugging Face hub, or a mirror of it (``HF_ENDPOINT``): one commit's files, verified by its hashes."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mtalign.errors import DownloadError
from mtalign.models.catalogue import CatalogueEntry, FilePin
from mtalign.models.download import Client, Progress, fetch_file, mismatch
from mtalign.models.layout import choose_files
from mtalign.models.sources.base import Fetched
from mtalign.models.space import require_space

DEFAULT_ENDPOINT = "https://huggingface.co"
_TRUE = frozenset({"1", "on", "yes", "true"})


def endpoint() -> str:
    """Address of the hub: ``HF_ENDPOINT``, else the public one."""
    return os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or DEFAULT_ENDPOINT


def hub_is_forbidden() -> bool:
    """Whether the environment forbids going to the hub (``HF_HUB_OFFLINE``)."""
    return os.environ.get("HF_HUB_OFFLINE", "").strip().lower() in _TRUE


@dataclass(frozen=True)
class HubSource:
    """Models from the hub."""

    client: Client = field(default_factory=Client)
    probe_seconds: float = 2.0
    """How long :meth:`answers` may take."""
    name: str = "hub"

    def answers(self, entry: CatalogueEntry) -> bool:
        """Whether the hub serves this model; decided within ``probe_seconds``, whatever the network does."""
        if not entry.hub or hub_is_forbidden():
            return False
        answer: list[bool] = []

        def ask() -> None:
            try:
                quick = replace(self.client, timeout=self.probe_seconds, attempts=1)
                answer.append("siblings" in quick.get_json(_api_url(entry.hub, entry.revision)))
            except (DownloadError, TypeError):
                answer.append(False)

        # A name server that never answers outlasts every socket time-out; a thread can be left behind.
        thread = threading.Thread(target=ask, daemon=True, name="hub probe")
        thread.start()
        thread.join(self.probe_seconds)
        return bool(answer and answer[0])

    def fetch(
        self,
        entry: CatalogueEntry,
        directory: Path,
        *,
        revision: str | None,
        locked: Sequence[FilePin],
        progress: Progress,
    ) -> Fetched:
        """Fetch the files that the engines need; see :class:`~mtalign.models.sources.base.Source`."""
        if hub_is_forbidden():
            raise DownloadError("HF_HUB_OFFLINE forbids the hub", hint="unset it, or pull from elsewhere")
        client = replace(self.client, token=self.client.token or _token())
        info = client.get_json(_api_url(entry.hub, revision))
        commit, published = _listing(info, entry.hub)
        pins = {pin.name: pin for pin in (*entry.files, *locked)}
        names = choose_files(published, [*pins])
        wanted = [_merge(published.get(name), pins.get(name), name, entry.hub) for name in names]
        sizes = [pin.size or 0 for pin in wanted]
        missing = sum(
            size for pin, size in zip(wanted, sizes, strict=True) if not (directory / pin.name).exists()
        )
        require_space(directory, missing)
        total, done = sum(sizes), 0
        for pin, size in zip(wanted, sizes, strict=True):
            target = directory / pin.name
            if not target.exists() or mismatch(target, pin):
                target.parent.mkdir(exist_ok=True)
                target.unlink(missing_ok=True)
                base = f"{endpoint()}/{entry.hub}/resolve/{quote(commit)}/{quote(pin.name)}"
                fetch_file(client, base, target, pin, _shifted(progress, done, total))
            done += size
            progress(done, total, pin.name)
        return Fetched(
            source=f"{endpoint()}/{entry.hub}",
            revision=commit,
            files=tuple(pin.name for pin in wanted),
            licence=_licence(info),
        )


def _shifted(progress: Progress, before: int, total: int) -> Progress:
    """One file's progress told as the progress of all."""
    return lambda done, _all, name: progress(before + done, total, name)


def _api_url(repository: str, revision: str | None) -> str:
    at = f"/revision/{quote(revision)}" if revision else ""
    return f"{endpoint()}/api/models/{repository}{at}?blobs=true"


def _listing(info: Any, repository: str) -> tuple[str, dict[str, FilePin]]:
    """The commit, and its files with the sizes and hashes that the hub publishes for them."""
    try:
        commit = str(info["sha"])
        pins = {}
        for item in info["siblings"]:
            lfs = item.get("lfs") or {}
            pins[item["rfilename"]] = FilePin(
                name=item["rfilename"],
                sha256=lfs.get("sha256"),
                size=lfs.get("size", item.get("size")),
                git_sha1=None if lfs else item.get("blobId"),
            )
    except (KeyError, TypeError, AttributeError) as error:
        raise DownloadError(
            f"the hub's answer about {repository} is not understood ({type(error).__name__}: {error})",
            hint="check HF_ENDPOINT",
        ) from error
    return commit, pins


def _merge(published: FilePin | None, pinned: FilePin | None, name: str, repository: str) -> FilePin:
    """What to hold a file to: our own pin first, the hub's word for the rest."""
    if published is None:
        raise DownloadError(f"{repository} on the hub has no {name}", hint="pull from another source")
    if pinned is None:
        return published
    for ours, theirs in ((pinned.sha256, published.sha256), (pinned.size, published.size)):
        if ours is not None and theirs is not None and ours != theirs:
            raise DownloadError(
                f"{repository} on the hub holds another {name} than the one pinned",
                hint="`mtalign models pull NAME --update` takes the new one where the catalogue pins none",
            )
    return FilePin(
        name,
        pinned.sha256 or published.sha256,
        pinned.size or published.size,
        pinned.git_sha1 or published.git_sha1,
    )


def _licence(info: Any) -> str:
    card = info.get("cardData") or {}
    licence = card.get("license") if isinstance(card, dict) else None
    return licence if isinstance(licence, str) else ""


def _token() -> str | None:
    from huggingface_hub import get_token

    return get_token()
