"""What is said to the model: the chat messages for one request."""

from __future__ import annotations

from mtalign.engines.base import Request

Message = dict[str, str]


def messages(request: Request) -> list[Message]:
    """Chat messages that ask for the translation of ``request`` and nothing else."""
    system = (
        f"You are a professional translator. Translate the user's text from {request.source.name} into "
        f"{request.target.name}. Reply with the translation only."
    )
    return [{"role": "system", "content": system}, {"role": "user", "content": request.text}]
