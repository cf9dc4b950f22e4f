"""Reports: pure projections of a run folder; no model, no network, the same bytes every time."""

from __future__ import annotations

from pathlib import Path

from mtalign.files import write_atomically
from mtalign.report.payload import read_run


def write_reports(run: Path) -> list[Path]:
    """Write every report of the run folder ``run``, from its manifest, scores and segments alone.

    For each document ``segments.tsv``, ``.tmx``, ``.xlf`` and ``index.html``; for the run ``summary.md`` and
    ``index.html``. Everything is rendered before the first file is written, and each file is replaced at
    once.

    Returns:
        The paths written: the run's ``index.html`` first.

    Raises:
        UsageError: ``run`` is not a run folder.
        DocumentError: a file of the run is missing or damaged, or an output cannot be written.
    """
    # The pages need Jinja2, which `mtalign --help` must not wait for.
    from mtalign.report.html import write_page
    from mtalign.report.overview import write_overview
    from mtalign.report.summary import write_summary
    from mtalign.report.tmx import write_tmx
    from mtalign.report.tsv import write_tsv
    from mtalign.report.xliff import write_xliff

    payload = read_run(run)
    contents = {run / "index.html": write_overview(payload), run / "summary.md": write_summary(payload)}
    for document in payload.documents:
        folder = run / document.output
        contents[folder / "index.html"] = write_page(payload, document)
        contents[folder / "segments.tsv"] = write_tsv(document.records)
        contents[folder / "segments.tmx"] = write_tmx(document.records)
        contents[folder / "segments.xlf"] = write_xliff(document.records, original=document.path)
    return [write_atomically(path, content) for path, content in contents.items()]
