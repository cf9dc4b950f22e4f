"""Memory that was freed, handed back to the system."""

from __future__ import annotations

from contextlib import suppress


def give_back() -> None:
    """Hand back what large things left behind; glibc keeps it for later, and elsewhere there is no need."""
    import ctypes

    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
