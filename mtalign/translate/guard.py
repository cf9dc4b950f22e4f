"""The guard: may this hypothesis stand as a translation?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtalign.checks import first_error

if TYPE_CHECKING:
    from mtalign.engines.base import Hypothesis, Request


def objection(request: Request, hypothesis: Hypothesis) -> str | None:
    """Why ``hypothesis`` must not stand for ``request``, in words for a reviewer; None if it may."""
    text = hypothesis.text.strip()
    if not any(character.isalnum() for character in text):
        return "the model gave no text"
    error = first_error(request.text, text, request.source, request.target)
    if error is not None:
        return error.message
    if not hypothesis.finished:
        return f"cut off at the length limit of {hypothesis.tokens} tokens"
    return None
