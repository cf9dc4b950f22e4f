"""Take the README's picture of the review page.

``python docs/screenshot.py outputs/NAME/index.html#FRAGMENT`` writes ``docs/page.png``. Needs Playwright and
Chromium, as the page tests do; ``pngquant``, where there is one, makes the picture smaller.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).with_name("page.png")


def main(address: str) -> None:
    """Write ``docs/page.png`` from the page at ``address``, a path with an optional fragment."""
    path, _, fragment = address.partition("#")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme="light")
        page.goto(f"{Path(path).resolve().as_uri()}#{fragment}")
        page.screenshot(path=PICTURE)
        browser.close()
    if pngquant := shutil.which("pngquant"):
        subprocess.run(  # noqa: S603
            [pngquant, "--force", "--skip-if-larger", "--output", PICTURE, "--", PICTURE], check=False
        )
    sys.stdout.write(f"{PICTURE}: {PICTURE.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1])
