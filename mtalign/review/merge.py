"""Several reviewers' corrections made one: the same outcome is one, different ones are a conflict."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mtalign.document import Verdict
from mtalign.errors import UsageError
from mtalign.review.corrections import BeadChange, Correction, Corrections, same_run

NEWEST = "newest"
"""The choice that takes the newest side of a conflict; anything else is a reviewer's name."""

_AND = " & "
_SIGNED = re.compile(r"([^\s:][^:]{0,79}): ")


@dataclass(frozen=True)
class Conflict:
    """Corrections of one segment, or beads that share one, that cannot all stand."""

    segment: str
    document: str
    sides: tuple[Correction | BeadChange, ...]
    """One for each outcome."""


def merge_files(
    files: Sequence[Corrections], prefer: str | None = None
) -> tuple[Corrections, list[Conflict]]:
    """One corrections file out of several, and the conflicts that are in the way.

    Corrections of the same segment that saw another source or translation are kept side by side: at most one
    of them fits a run. Where there is a conflict, none of its sides is in the result.

    Raises:
        UsageError: the files belong to different runs.
    """
    if not same_run(files):
        runs = ", ".join(f"{file.path} {file.run or 'of none'}" for file in files)
        raise UsageError(f"the files belong to different runs ({runs})", hint="merge those of one run")
    groups: dict[tuple[str, str, str, str | None], list[Correction]] = {}
    for file in files:
        for one in file.corrections:
            groups.setdefault((one.document, one.segment, one.source, one.before), []).append(one)
    merged, conflicts = [], []
    for group in groups.values():
        result = merge_segment(group, prefer)
        if isinstance(result, Conflict):
            conflicts.append(result)
        else:
            merged.append(result)
    beads, bead_conflicts = merge_beads([bead for file in files for bead in file.beads], prefer)
    reviewers = _names(file.reviewer for file in files)
    exported = max((file.exported for file in files), default="")
    run = files[0].run if files else ""
    return (
        Corrections(run, tuple(merged), tuple(beads), reviewers, exported),
        conflicts + bead_conflicts,
    )


def merge_segment(corrections: Sequence[Correction], prefer: str | None = None) -> Correction | Conflict:
    """One correction out of those of one segment, or the conflict between them.

    Of one reviewer the newest counts. Comments alone agree with every outcome; comments are joined.
    """
    latest = _latest(corrections)
    verdicts = [one for one in latest if one.verdict is not None]
    outcomes: dict[tuple[Verdict | None, str | None], list[Correction]] = {}
    for one in verdicts:
        outcomes.setdefault(one.outcome, []).append(one)
    agreeing = verdicts or latest
    if len(outcomes) > 1:
        chosen = _preferred(verdicts, prefer)
        if chosen is None:
            sides = tuple(max(side, key=lambda one: one.at) for side in outcomes.values())
            return Conflict(latest[0].segment, latest[0].document, sides)
        agreeing = outcomes[chosen.outcome]
    by = _names(one.by for one in agreeing)
    newest = max(agreeing, key=lambda one: one.at)
    return replace(newest, by=by, comment=join_comments([(one.by, one.comment) for one in latest], by))


def merge_beads(
    beads: Sequence[BeadChange], prefer: str | None = None
) -> tuple[list[BeadChange], list[Conflict]]:
    """The beads that can stand side by side, and the conflicts between those that share a segment."""
    different: dict[tuple[str, tuple[str, ...], tuple[str, ...]], BeadChange] = {}
    for bead in beads:
        known = different.get((bead.document, bead.source_ids, bead.target_ids))
        if known is None or bead.at > known.at:
            different[(bead.document, bead.source_ids, bead.target_ids)] = bead
    kept: list[BeadChange] = []
    conflicts: list[Conflict] = []
    for bead in sorted(different.values(), key=lambda one: one.at):
        rivals = [other for other in kept if _share(bead, other)]
        foreign = [other for other in rivals if other.by != bead.by or not bead.by]
        if foreign and prefer is None:
            where = (bead.source_ids or bead.target_ids)[0]
            conflicts.append(Conflict(where, bead.document, (*foreign, bead)))
        elif foreign and prefer != NEWEST and bead.by != prefer:
            if not any(other.by == prefer for other in foreign):
                where = (bead.source_ids or bead.target_ids)[0]
                conflicts.append(Conflict(where, bead.document, (*foreign, bead)))
        else:
            kept = [other for other in kept if other not in rivals] + [bead]
    disputed = {id(side) for conflict in conflicts for side in conflict.sides}
    return [bead for bead in kept if id(bead) not in disputed], conflicts


def join_comments(comments: Iterable[tuple[str, str]], by: str) -> str:
    """Comments with who made them as one text, a line each; as it stands where all are by ``by``."""
    said = [(name, comment) for name, comment in comments if comment]
    if all(name == by for name, _ in said):
        return "\n".join(dict.fromkeys(comment for _, comment in said))
    people = {person for name, _ in (*said, (by, "")) for person in name.split(_AND) if person}
    lines: dict[str, None] = {}
    for name, comment in said:
        # What has been joined before names its people already.
        signers = [match and match[1] for match in map(_SIGNED.match, comment.split("\n"))]
        signed = not name or _AND in name or all(signer in people for signer in signers)
        for line in comment.split("\n") if signed else [f"{name}: {comment}"]:
            lines[line] = None
    return "\n".join(lines)


def _latest(corrections: Sequence[Correction]) -> list[Correction]:
    """The newest correction of each reviewer; all of those who gave no name."""
    latest: dict[object, Correction] = {}
    for number, one in enumerate(corrections):
        person: object = one.by or number
        known = latest.get(person)
        if known is None:
            latest[person] = one
            continue
        newer, older = (one, known) if one.at >= known.at else (known, one)
        newer = replace(newer, comment=_with_others(newer, older))
        if newer.verdict is None:
            # A comment alone takes no verdict back.
            newer = replace(newer, verdict=older.verdict, text=older.text, before=older.before)
        latest[person] = newer
    return list(latest.values())


def _with_others(newer: Correction, older: Correction) -> str:
    """The newer one's comment, and what other people said in the older one."""
    lines = newer.comment.split("\n") if newer.comment else []
    for line in older.comment.split("\n"):
        if _SIGNED.match(line) and not line.startswith(f"{newer.by}: ") and line not in lines:
            lines.append(line)
    return "\n".join(lines)


def _preferred(verdicts: Sequence[Correction], prefer: str | None) -> Correction | None:
    if prefer is None:
        return None
    if prefer == NEWEST:
        return max(verdicts, key=lambda one: one.at)
    named = [one for one in verdicts if prefer in (one.by, *one.by.split(_AND))]
    return max(named, key=lambda one: one.at) if named else None


def _share(one: BeadChange, other: BeadChange) -> bool:
    return one.document == other.document and bool(
        set(one.source_ids) & set(other.source_ids) or set(one.target_ids) & set(other.target_ids)
    )


def _names(names: Iterable[str]) -> str:
    return _AND.join(dict.fromkeys(name for joined in names for name in joined.split(_AND) if name))
