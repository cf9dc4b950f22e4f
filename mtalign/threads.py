"""Work on two threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")
_S = TypeVar("_S")


def side_by_side(forth: Callable[[], _T], back: Callable[[], _S]) -> tuple[_T, _S]:
    """The results of both; for what lets go of the interpreter, as NumPy does while it calculates."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(back)
        return forth(), other.result()
