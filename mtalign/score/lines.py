"""Line-aligned text files, as metrics read them: a segment a line, nothing else ends a line."""

from __future__ import annotations

from pathlib import Path

from mtalign.errors import DocumentError, ScoreError, UsageError


def read_lines(path: Path) -> list[str]:
    """Lines of a UTF-8 file; only LF (or CR LF) ends a line, so U+2028 and its like stay inside one.

    Raises:
        UsageError: there is no such file.
        DocumentError: it cannot be read or is not UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist", hint="check the path") from error
    except OSError as error:
        raise DocumentError(
            f"{path}: cannot be read ({error.strerror or error})", hint="check the path"
        ) from error
    except UnicodeDecodeError as error:
        raise DocumentError(
            f"{path}: not UTF-8 (byte {error.start})", hint=f"convert it: iconv -t UTF-8 {path}"
        ) from error
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines[-1] == "":
        lines.pop()
    return lines


def group_lines(ids: list[str], lines: int, path: Path) -> dict[str, list[int]]:
    """The lines of each document, from the document id of each line; documents in order of appearance.

    Raises:
        ScoreError: there are not as many ids as ``lines``.
    """
    if len(ids) != lines:
        raise ScoreError(
            f"{path} has {len(ids)} lines, the hypothesis {lines}", hint="give an id for each line"
        )
    groups: dict[str, list[int]] = {}
    for line, name in enumerate(ids):
        groups.setdefault(name, []).append(line)
    return groups
