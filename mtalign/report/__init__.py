"""Reports: pure projections of a run folder; no model, no network, the same bytes every time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mtalign.files import write_atomically

if TYPE_CHECKING:
    from mtalign.report.payload import RunPayload

JUNIT_FILE = "junit.xml"


def write_reports(run: Path, payload: RunPayload | None = None) -> list[Path]:
    """Write every report of the run folder ``run``, from its manifest, scores and segments alone.

    ``payload`` is what the folder holds, where it has been read already.

    For each document ``segments.tsv``, ``.tmx``, ``.xlf`` and ``index.html``; for the run ``summary.md``,
    ``index.html`` and, where its gate was looked at, ``junit.xml``. Everything is rendered before the first
    file is written, and each file is replaced at once.

    Returns:
        The paths written: the run's ``index.html`` first.

    Raises:
        UsageError: ``run`` is not a run folder.
        DocumentError: a file of the run is missing or damaged, or an output cannot be written.
    """
    # The pages need Jinja2, which `mtalign --help` must not wait for.
    from mtalign.report.html import write_page
    from mtalign.report.junit import write_junit
    from mtalign.report.overview import write_overview
    from mtalign.report.payload import read_run
    from mtalign.report.summary import write_summary
    from mtalign.report.tmx import write_tmx
    from mtalign.report.tsv import write_tsv
    from mtalign.report.xliff import write_xliff

    payload = payload or read_run(run)
    contents = {run / "index.html": write_overview(payload), run / "summary.md": write_summary(payload)}
    if payload.gate is not None:
        contents[run / JUNIT_FILE] = write_junit(payload, payload.gate)
    else:
        # What an earlier gate said of other texts must not stand there.
        (run / JUNIT_FILE).unlink(missing_ok=True)
    for document in payload.documents:
        folder = run / document.output
        contents[folder / "index.html"] = write_page(payload, document)
        contents[folder / "segments.tsv"] = write_tsv(document.records)
        contents[folder / "segments.tmx"] = write_tmx(document.records)
        contents[folder / "segments.xlf"] = write_xliff(document.records, original=document.path)
    return [write_atomically(path, content) for path, content in contents.items()]


def write_verdict(run: Path, payload: RunPayload) -> list[Path]:
    """Write the reports that show a gate, and no other: ``junit.xml`` and ``summary.md``.

    Raises:
        DocumentError: they cannot be written.
    """
    from mtalign.report.junit import write_junit
    from mtalign.report.summary import write_summary

    contents = {run / "summary.md": write_summary(payload)}
    if payload.gate is not None:
        contents[run / JUNIT_FILE] = write_junit(payload, payload.gate)
    return [write_atomically(path, content) for path, content in contents.items()]
