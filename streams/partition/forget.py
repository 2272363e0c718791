"""Customers are erased: what a partition holds of them in memory goes, the others stay."""

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from detectors.engine import Decisions
from detectors.erasure import erase
from detectors.observations import Input
from detectors.state import CustomerState
from detectors.timeline import Timeline
from schemas.dead_letters import DeadLetter, mentions
from streams.partition.changelog import ChangelogWriter


def forget_rows(
    ids: Collection[str],
    state: CustomerState,
    timeline: Timeline,
    writer: ChangelogWriter,
    decisions: list[Decisions],
) -> list[Decisions]:
    """Remove the customers' rows; the decisions that are about others.

    All that came before is applied. What waits in the timeline came later: it begins new customers.
    """
    rows = {row: one for one in map(str.encode, ids) if (row := state.find(one)) >= 0}
    if not rows:
        return decisions
    coming = [row for row in rows if timeline.waits_for(row)]
    moved = erase(state, np.array(list(rows)))
    writer.forget(moved)
    left = [_of_others(one, moved) for one in decisions]
    for row in coming:
        moved[row] = state.add(rows[row])
    timeline.renumber(moved)
    return left


def forget_letters(
    letters: Mapping[Input, list[DeadLetter]], due: Mapping[str, Mapping[Input, int]]
) -> dict[Input, list[DeadLetter]]:
    """The dead letters that mention none of the customers, or came later than their erasure."""
    left = {source: list(found) for source, found in letters.items()}
    for customer_id, until in due.items():
        carries = mentions(customer_id)
        for source, found in left.items():
            left[source] = [
                one
                for one in found
                if one.offset >= until[source] or not carries(one.key, one.value, one.headers)
            ]
    return left


def _of_others(decisions: Decisions, moved: NDArray[np.int32]) -> Decisions:
    """Those of customers who are still there, with their new rows."""
    said = moved[decisions.records["row"]] >= 0
    learnt = moved[decisions.examples["row"]] >= 0
    kept = Decisions(decisions.records[said], decisions.customers[said], decisions.examples[learnt])
    for records in (kept.records, kept.examples):
        records["row"] = moved[records["row"]]
    return kept
