"""The words of a text: no paths, addresses, options, names of files or commands."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\S+")
_CODE = re.compile(r"[^\W_][.@:=+][^\W_]|[/\\_]|^\W?--?\w")


def prose(text: str) -> str:
    """``text`` with every token that is code replaced by as many spaces, so that places stay the same."""
    return _TOKEN.sub(lambda token: " " * len(token[0]) if _CODE.search(token[0]) else token[0], text)
