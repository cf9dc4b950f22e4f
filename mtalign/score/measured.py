"""Lines measured by one metric: what the scores of segments, documents and the corpus are summed from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from mtalign.document import Score
from mtalign.score.plugins import SegmentMetric
from mtalign.score.resampling import bootstrap, interval, seed


class Measured(Protocol):
    """A metric's statistics of every line."""

    name: str
    lower_is_better: bool
    statistics: Sequence[Sequence[float]]
    """A row a line. The sum of rows is all that a score of those lines needs."""

    def score(self, lines: Iterable[int] | None = None, resamples: int = 0) -> Score:
        """The score of ``lines`` together (None for all); with ``resamples`` its bootstrap interval."""
        ...

    def segment(self, line: int) -> Score:
        """The score of one line alone."""
        ...

    def values(self, sums: Iterable[Sequence[float]]) -> list[float]:
        """The score of each sum of rows of ``statistics``."""
        ...


class SacreBleuLines:
    """Lines measured by a metric of sacreBLEU."""

    def __init__(self, name: str, statistics: Sequence[Sequence[float]], references: int) -> None:
        self.name = name
        self.lower_is_better = name == "TER"
        self.statistics = statistics
        self._references = references

    def score(self, lines: Iterable[int] | None = None, resamples: int = 0) -> Score:
        """See :class:`Measured`; the JSON fields are those of ``sacrebleu --confidence``."""
        chosen = self.statistics if lines is None else [self.statistics[line] for line in lines]
        tool = self.tool()
        result = tool._aggregate_and_compute(chosen)
        if resamples > 1:
            scores = bootstrap(chosen, lambda total: tool._compute_score_from_stats(total).score, resamples)
            result._mean, result._ci = interval(scores)
            tool.n_bootstrap, tool.seed = resamples, str(seed()).lower()
        return _score(tool, result)

    def segment(self, line: int) -> Score:
        """See :class:`Measured`; BLEU with effective order, as is usual for sentences."""
        tool = self.tool(sentence=True)
        return _score(tool, tool._aggregate_and_compute([self.statistics[line]]))

    def values(self, sums: Iterable[Sequence[float]]) -> list[float]:
        """See :class:`Measured`."""
        tool = self.tool()
        return [float(tool._compute_score_from_stats(total).score) for total in sums]

    def tool(self, *, sentence: bool = False) -> Any:
        """sacreBLEU's metric."""
        tool = make_tool(self.name, sentence=sentence)
        tool.num_refs = self._references
        return tool


class PluginLines:
    """Lines measured by a plug-in: a value each, the corpus their mean."""

    def __init__(self, metric: SegmentMetric, values: Sequence[float], references: int) -> None:
        self.name = metric.name
        self.lower_is_better = bool(getattr(metric, "lower_is_better", False))
        self.statistics: Sequence[Sequence[float]] = [(value, 1.0) for value in values]
        self._recipe = f"nrefs:{references}|{metric.signature}"

    def score(self, lines: Iterable[int] | None = None, resamples: int = 0) -> Score:
        """See :class:`Measured`."""
        chosen = self.statistics if lines is None else [self.statistics[line] for line in lines]
        details: dict[str, object] = {}
        signature = self._recipe
        if resamples > 1:
            scores = bootstrap(chosen, lambda total: float(total[0]) / float(total[1]), resamples)
            mean, half = interval(scores)
            signature += f"|bs:{resamples}|seed:{str(seed()).lower()}"
            details = {
                "confidence_mean": round(mean, 4),
                "confidence_var": round(half, 4),
                "confidence": f"μ = {mean:.4f} ± {half:.4f}",
            }
        return Score(self.name, sum(row[0] for row in chosen) / len(chosen), signature, details)

    def segment(self, line: int) -> Score:
        """See :class:`Measured`."""
        return Score(self.name, self.statistics[line][0], self._recipe)

    def values(self, sums: Iterable[Sequence[float]]) -> list[float]:
        """See :class:`Measured`."""
        return [float(total) / float(lines) for total, lines in sums]


def make_tool(name: str, *, sentence: bool = False) -> Any:
    """sacreBLEU's metric of that name."""
    from sacrebleu.metrics import BLEU, CHRF, TER

    if name == "BLEU":
        # `force` only silences a warning that would come once for each batch of lines.
        return BLEU(effective_order=sentence, force=True)
    if name == "TER":
        return TER()
    return CHRF(word_order=2 if name == "chrF2++" else 0)


def _score(tool: Any, result: Any) -> Score:
    signature = tool.get_signature().format()
    fields = json.loads(result.format(signature=signature, is_json=True))
    details = {key: value for key, value in fields.items() if key not in ("name", "score", "signature")}
    return Score(result.name, float(result.score), signature, details)
