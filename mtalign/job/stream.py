"""Translate files of lines of any size: windows in, windows out, a few of them in memory at a time.

A text gets what it would get anywhere: the same segments, checks, memory. The language of a line is found
with the main language of the file's head as prior, so that neither windows nor shards change what comes out.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mtalign.document import Document, Status
from mtalign.errors import LanguageError
from mtalign.formats import failure_mark, render
from mtalign.formats.lines import Line, count_lines, read_lines, render_line
from mtalign.formats.text import parse_text
from mtalign.languages import parse_language
from mtalign.memory import Decision, Memory
from mtalign.segment import main_language, plain_text, segment_document
from mtalign.translate import PlanStatistics, translate_segments, translate_windows, untouched

if TYPE_CHECKING:
    from mtalign.document import Segment, Translation
    from mtalign.engines.base import Decoding, Engine
    from mtalign.glossary import Glossary
    from mtalign.job.engines import EnginePool
    from mtalign.job.events import Events
    from mtalign.job.terms import TermCounts
    from mtalign.languages import Language

HEAD = 1000
"""Lines that the main language of a file is found in."""
WINDOW = 1024
"""Lines that are read, looked up and written together."""
FIRST_WINDOW = 32
"""The first window; each is twice the one before, so that the first lines do not wait for a thousand."""


@dataclass
class _Window:
    lines: list[Line]
    documents: list[Document]
    segments: list[tuple[Segment, ...]]
    others: dict[str, Translation] = field(default_factory=dict)
    """Translations that the main engine has nothing to do with."""


@dataclass(frozen=True)
class LineJob:
    """What is done with every line."""

    pool: EnginePool
    source: Language | None
    target: Language
    memory: Memory
    decoding: Decoding
    events: Events
    glossary: Glossary | None = None
    counts: TermCounts | None = None


class _Engines:
    """The pool's engines by language code, each asked for once."""

    def __init__(self, pool: EnginePool) -> None:
        self._pool = pool
        self._known: dict[str, Engine] = {}

    def of(self, code: str) -> Engine:
        if code not in self._known:
            self._known.update(self._pool.engines_for([parse_language(code)]))
        return self._known[code]


@contextmanager
def memory_for_stream(path: Path | None) -> Iterator[Memory]:
    """The memory at ``path``; without one a file while it is used: a million results are not for RAM."""
    if path is not None:
        with Memory(path) as memory:
            yield memory
        return
    with (
        tempfile.TemporaryDirectory(prefix="mtalign-") as folder,
        Memory(Path(folder) / "memory.sqlite") as memory,
    ):
        yield memory


def shard_bounds(total: int, shard: tuple[int, int] | None) -> tuple[int, int]:
    """First line of a shard and the one after its last, counted from 0."""
    part, parts = shard or (1, 1)
    return total * (part - 1) // parts, total * part // parts


def translate_file(
    path: Path, output: BinaryIO, job: LineJob, *, field: str = "", shard: tuple[int, int] | None = None
) -> PlanStatistics:
    """Translate the file at ``path``, or a part of it, into ``output``, line for line.

    The outputs of all parts one after the other are the output of the whole, byte for byte.

    Args:
        path: plain text with a text a line, or JSONL.
        output: where the English goes.
        job: with what.
        field: for JSONL, the key of the text.
        shard: ``(i, n)`` for part i of n.

    Raises:
        DocumentError: the file cannot be read, or a line is not what it should be.
        MtalignError: see :func:`mtalign.translate.translate_windows`.
    """
    with path.open("rb") as stream:
        total = count_lines(stream)
        start, stop = shard_bounds(total, shard)
        stream.seek(0)
        head = [] if job.source else list(read_lines(islice(stream, HEAD), str(path), field=field))
        stream.seek(0)
        for _ in range(start):
            stream.readline()
        lines = read_lines(islice(stream, stop - start), str(path), field=field, first=start + 1)
        return translate_lines(lines, head, output, job, name=path.stem, total=stop - start)


def translate_stream(stream: BinaryIO, output: BinaryIO, job: LineJob, *, field: str = "") -> PlanStatistics:
    """Translate standard input into ``output``, line for line."""
    lines = read_lines(stream, "standard input", field=field)
    head = [] if job.source else list(islice(lines, HEAD))

    def all_lines() -> Iterator[Line]:
        yield from head
        yield from lines

    return translate_lines(all_lines(), head, output, job, name="stdin", total=0)


def translate_lines(
    lines: Iterator[Line], head: list[Line], output: BinaryIO, job: LineJob, *, name: str, total: int
) -> PlanStatistics:
    """Translate ``lines`` of the file that begins with ``head``; ``total`` is 0 where it is not known."""
    statistics = PlanStatistics()
    main = job.source or main_language([_document(line, name) for line in head], job.target)
    windows: deque[_Window] = deque()
    done = 0
    with job.events.stage("translating", "lines") as stage:
        engines = _Engines(job.pool)
        engine = engines.of(main.code) if main and main != job.target else None

        def read() -> Iterator[list[Segment]]:
            size = min(FIRST_WINDOW, WINDOW)
            while chunk := list(islice(lines, size)):
                size = min(2 * size, WINDOW)
                window = _window(chunk, name, main, job)
                mine = _divide(window, engine, engines, job, statistics)
                windows.append(window)
                yield mine

        if engine is None:
            found: Iterator[dict[str, Translation]] = ({} for _ in read())
        else:
            found = translate_windows(
                read(),
                engine=engine,
                target=job.target,
                memory=job.memory,
                decoding=job.decoding,
                statistics=statistics,
                glossary=job.glossary,
            )
        for translations in found:
            window = windows.popleft()
            translations.update(window.others)
            _write(window, translations, output)
            output.flush()
            if job.counts is not None:
                job.counts.add([s for one in window.segments for s in one], translations)
            done += len(window.lines)
            stage.update(done, max(total, done), f"{statistics.tokens} tokens")
    return statistics


def _document(line: Line, name: str) -> Document:
    identifier = f"{name}.l{line.number}"
    return Document(identifier, name, "text", line.text, parse_text(line.text, identifier))


def _window(lines: list[Line], name: str, main: Language | None, job: LineJob) -> _Window:
    documents = [_document(line, name) for line in lines]
    return _Window(lines, documents, [_segments(document, main, job) for document in documents])


def _segments(document: Document, main: Language | None, job: LineJob) -> tuple[Segment, ...]:
    try:
        return segment_document(document, source=job.source, target=job.target, main=main)
    except LanguageError:
        if main is None:
            raise
        # One odd line among a million is no reason to stop: it is taken for what the others are.
        return segment_document(document, source=main, target=job.target)


def _divide(
    window: _Window, engine: Engine | None, engines: _Engines, job: LineJob, statistics: PlanStatistics
) -> list[Segment]:
    """The segments for ``engine``; the few that another one translates, or none, are done here."""
    segments = [segment for one in window.segments for segment in one]
    skipped = [segment for segment in segments if segment.skip]
    decisions = job.memory.decisions(
        [(s.id, plain_text(s.text), s.language) for s in skipped], job.target.code, own_only=True
    )
    window.others.update({s.id: untouched(s, decisions.get(s.id, Decision())) for s in skipped})
    asked = [(segment, engines.of(segment.language)) for segment in segments if not segment.skip]
    for other in {id(one): one for _, one in asked if one is not engine}.values():
        done, cost = translate_segments(
            [segment for segment, one in asked if one is other],
            engine=other,
            target=job.target,
            memory=job.memory,
            decoding=job.decoding,
            glossary=job.glossary,
        )
        window.others.update(done)
        statistics.add(cost)
    return [segment for segment, one in asked if one is engine]


def _write(window: _Window, translations: dict[str, Translation], output: BinaryIO) -> None:
    for line, document, segments in zip(window.lines, window.documents, window.segments, strict=True):
        texts, failure = {}, None
        for segment in segments:
            one = translations[segment.id]
            if one.status is Status.FAILED:
                failure = failure or one.failure
                texts[segment.id] = failure_mark(segment.id, one.failure or "")
            elif one.text is not None:
                # A line of the source is one line of the output.
                texts[segment.id] = " ".join(one.text.split("\n")) if line.record is None else one.text
        output.write(render_line(line, render(document, segments, texts).decode(), failure))
