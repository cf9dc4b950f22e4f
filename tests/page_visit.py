"""A page in Chromium, opened from disk as a reviewer opens it from a mail attachment."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def missing(what: str, how: str = "`make browser` installs Chromium on Debian") -> None:
    """Skip loudly; in CI, where everything has to be, fail."""
    message = f"PAGE TESTS NOT RUN: {what} is not installed ({how})"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


class Visit:
    """A page with everything it did that it must not do."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.requests: list[str] = []
        page.set_default_timeout(30_000)
        page.on("dialog", self._dialog)
        page.on("pageerror", lambda error: self.wrong.append(f"error {error}"))
        page.on("console", lambda message: self.wrong.append(f"console {message.text}"))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("popup", lambda popup: self.wrong.append("popup"))

    def _dialog(self, dialog: Any) -> None:
        self.wrong.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def open(self, path: Path, fragment: str = "") -> None:
        """Open a page, or a document's folder."""
        self.page.goto("about:blank")
        self.requests.clear()
        target = path / "index.html" if path.is_dir() else path
        self.page.goto(target.as_uri() + fragment)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def row(self, identifier: str) -> Any:
        return self.page.locator(f"[id='{identifier}']")

    def shown(self) -> list[str]:
        """The list's segments in its order: walked through, since only those in view are in the page."""
        found: list[str] = self.page.evaluate(
            """async () => {
                const seen = new Map();
                const look = () => {
                    for (const row of document.querySelectorAll(".row:not(.context)")) {
                        seen.set(Number(row.dataset.place), row.dataset.segment);
                    }
                };
                const before = scrollY;
                for (let y = 0; y <= document.body.scrollHeight; y += innerHeight) {
                    scrollTo(0, y);
                    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
                    look();
                }
                scrollTo(0, before);
                await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
                return [...seen].sort((a, b) => a[0] - b[0]).map((entry) => entry[1]);
            }"""
        )
        return found

    def current(self) -> str | None:
        return self.page.evaluate("document.querySelector('.row.current')?.dataset.segment ?? null")

    def fragment(self) -> str:
        # Written at once, or a moment later where keys come fast.
        self.page.wait_for_timeout(80)
        return self.page.evaluate("location.hash")

    def said(self) -> str:
        return self.page.locator("#said").inner_text()

    def notices(self) -> list[str]:
        return [" ".join(item.split()) for item in self.page.locator(".notice > div").all_inner_texts()]

    def verdicts(self, identifier: str) -> list[str]:
        # Rows are drawn with the next frame, which a busy machine takes its time for.
        self.row(identifier).wait_for()
        return [item[1:].strip() for item in self.row(identifier).locator(".verdict").all_inner_texts()]

    def export(self, kind: str) -> bytes:
        """What the reviewer gets from the export button."""
        self.page.locator("#exchange-button").click()
        with self.page.expect_download() as download:
            self.page.locator(f"#export-{kind}").click()
        content = Path(download.value.path()).read_bytes()
        self.page.locator("#exchange [data-close]").click()
        return content

    def sign(self, name: str) -> None:
        """Give the reviewer's name."""
        self.page.locator("#exchange-button").click()
        self.page.locator("#reviewer").fill(name)
        self.page.locator("#exchange [data-close]").click()

    def corrections(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.export("json"))
        return value

    def import_file(self, content: object, name: str = "kim.json") -> None:
        """Import a file; anything but bytes is written as JSON."""
        payload = content if isinstance(content, bytes) else json.dumps(content).encode()
        before = self.page.locator(".notice").count()
        self.page.locator("#exchange-button").click()
        self.page.locator("#import").set_input_files(
            {"name": name, "mimeType": "application/json", "buffer": payload}
        )
        self.page.locator(".notice").nth(before).wait_for()
