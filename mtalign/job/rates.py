"""How fast a job was and what it took: the same figures in every manifest and in the benchmarks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mtalign.translate import PlanStatistics


def rate(statistics: PlanStatistics) -> dict[str, Any]:
    """Segments by where they came from, target tokens a second, and the padding of batches."""
    seconds = statistics.engine_seconds
    return {
        "segments": statistics.segments,
        "from_memory": statistics.from_memory,
        "from_review": statistics.from_review,
        "decoded": statistics.decoded,
        "retried": statistics.retried,
        "asked_for_terms": statistics.asked_for_terms,
        "tokens": statistics.tokens,
        "tokens_per_second": round(statistics.tokens / seconds, 2) if seconds and statistics.tokens else None,
        "source_tokens": statistics.source_tokens or None,
        "padding_waste": padding_waste(statistics.source_tokens, statistics.padded_tokens),
        "peak_rss_mb": peak_rss_mb(),
    }


def padding_waste(tokens: int, padded: int) -> float | None:
    """Share of the encoder's positions that held padding, 0 to 1; None where nothing was encoded."""
    return round(1 - tokens / padded, 4) if padded else None


def peak_rss_mb() -> float | None:
    """The most memory that this process has had so far, in MB (10⁶ bytes); None where nobody counts it."""
    try:
        # What ``getrusage`` gives may be the peak of the process that started this one.
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return round(int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6, 1)
    except (OSError, ValueError, IndexError):
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)
