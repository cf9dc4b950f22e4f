"""Progress on stderr: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

SECONDS_BEFORE_FIRST = 2.0
SECONDS_BETWEEN_LINES = 15.0
_FORESEEABLE = 20
"""What is left is foretold when this part of it is done: the first ones take as long as the model's start."""


class Progress:
    """Progress of one stage; ``unit`` is what is counted (``segments``, ``B`` for bytes).

    Nothing is shown for a stage that is over within two seconds.
    """

    def __init__(self, label: str, unit: str = "", *, quiet: bool = False) -> None:
        self.label = label
        self.unit = unit
        self.quiet = quiet
        started = time.monotonic()
        self._last_line = started + SECONDS_BEFORE_FIRST - SECONDS_BETWEEN_LINES
        self._first: int | None = None
        self._first_at = started
        self._bar: Any = None

    def update(self, done: int, total: int, detail: str = "") -> None:
        """Say that ``done`` of ``total`` are done; ``detail`` is shown behind the figures."""
        if self.quiet:
            return
        if self._first is None:
            self._first, self._first_at = done, time.monotonic()
        if sys.stderr.isatty():
            self._draw(done, total, detail)
        else:
            self._line(done, total, detail)

    def _draw(self, done: int, total: int, detail: str) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=total,
                initial=self._first or 0,
                desc=self.label,
                unit="B" if self.unit == "B" else f" {self.unit}",
                unit_scale=self.unit == "B",
                delay=SECONDS_BEFORE_FIRST,
                leave=False,
                dynamic_ncols=True,
                file=sys.stderr,
            )
        self._bar.set_postfix_str(detail, refresh=False)
        self._bar.update(done - self._bar.n)

    def _line(self, done: int, total: int, detail: str) -> None:
        now = time.monotonic()
        if now - self._last_line < SECONDS_BETWEEN_LINES:
            return
        self._last_line = now
        new, elapsed = done - (self._first or 0), now - self._first_at
        foreseeable = new * _FORESEEABLE >= total and done < total
        left = f", about {_duration(elapsed / new * (total - done))} left" if foreseeable else ""
        figures = f"{_bytes(done)}/{_bytes(total)}" if self.unit == "B" else f"{done}/{total} {self.unit}"
        what = f"{figures}, {detail}" if detail else figures
        print(f"{self.label}: {what}{left}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _bytes(number: int) -> str:
    return f"{number / 1e6:.0f} MB" if number >= 10**6 else f"{number / 1e3:.0f} kB"
