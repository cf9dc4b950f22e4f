"""``local``: the translate plan in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtalign.translate import translate_segments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mtalign.document import Segment, Translation
    from mtalign.engines.base import Decoding, Engine
    from mtalign.glossary import Glossary
    from mtalign.languages import Language
    from mtalign.memory import Memory
    from mtalign.translate import PlanProgress, PlanStatistics


class LocalExecutor:
    """The default."""

    def translate(
        self,
        segments: Sequence[Segment],
        *,
        engine: Engine,
        target: Language,
        memory: Memory,
        decoding: Decoding,
        glossary: Glossary | None,
        progress: Callable[[PlanProgress], None],
    ) -> tuple[dict[str, Translation], PlanStatistics]:
        """See :class:`mtalign.job.executors.Executor`."""
        return translate_segments(
            segments,
            engine=engine,
            target=target,
            memory=memory,
            decoding=decoding,
            glossary=glossary,
            progress=progress,
        )
