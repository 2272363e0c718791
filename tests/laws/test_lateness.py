"""What comes late, or in another order than it happened: nothing is lost, and what it changes is
bounded.

Purchases of three customers, in the log in the order of their arrival, are held against the same
purchases in the order in which they happened. In words, for a customer's purchase with event time t
and effective time t + L:

* every purchase counts; a gap closes for those that are not older than the customer's last, and
  is positive;
* where no L is above the grace, nobody is called silent at a time by which they had bought again;
* up to the first purchase that is out of order, an episode of the ordered run is there too, later
  by at most the L of the purchase that it follows; and there are at most as many others as there
  are late purchases.
"""

import math
from collections import defaultdict
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.judgement.episodes import Status
from detectors.observations import Input
from detectors.profile import Profile
from streams.partition.life import PartitionLife
from tests.functional.fetching import DAY, START, fetch, purchase
from tests.functional.test_life import begun
from tests.laws.strategies import law

GRACE_DAYS = 2.0
PROFILE = replace(Profile(), allowed_lateness_seconds=GRACE_DAYS * DAY)
WITHIN = [0.0, 0.0, 0.5, 1.0, 1.9]
OVER = [*WITHIN, 3.0, 12.0, 40.0]
END = START + 3000 * DAY


class Bought(NamedTuple):
    """One purchase: whose, when, and when it came; in days."""

    customer: str
    day: float
    arrives: float


class Episode(NamedTuple):
    """One that was opened: after which purchase, and when; in days."""

    customer: str
    anchor: float
    opened: float


@st.composite
def histories(draw: st.DrawFn, lateness: list[float], *, shuffled: bool) -> list[Bought]:
    """Purchases in the order of their arrival; a customer's own order is kept unless shuffled."""
    found = []
    for i, customer in enumerate(("a", "bb", "ccc")):
        day, arrives = 0.1 * i, 0.0
        for _ in range(draw(st.integers(3, 12))):
            day += draw(st.sampled_from([1.0, 3.0, 6.5, 7.0, 7.0, 9.0, 33.0, 80.0]))
            late = day + draw(st.sampled_from(lateness))
            arrives = late if shuffled else max(late, arrives)
            found.append(Bought(customer, round(day, 3), arrives))
    return sorted(found, key=lambda one: one.arrives)


def lived(log: list[Bought]) -> tuple[PartitionLife, int, list[Episode]]:
    """A partition that has read this log, how many were late, and the episodes opened until END."""
    life = begun(PROFILE)
    events = [purchase(one.customer, i, one.day) for i, one in enumerate(log)]
    late = life.take(Input.PURCHASES, fetch(events), None).late
    life.tick(list(Input), None)
    life.tick(list(Input), END)
    snapshot = life.snapshot(0)
    assert snapshot is not None
    opened = [
        Episode(
            life.state.customer_id(int(record["row"])).decode(),
            round((float(record["anchor"]) - START) / DAY, 3),
            (float(record["time"]) - START) / DAY,
        )
        for decisions in snapshot.decisions
        for record in decisions.records
        if record["status"] == Status.OPENED
    ]
    return life, late, opened


def lateness_of(log: list[Bought]) -> dict[tuple[str, float], float]:
    """L of each purchase, in days."""
    effective = np.maximum.accumulate([one.day for one in log])
    return {(o.customer, o.day): float(e) - o.day for o, e in zip(log, effective, strict=True)}


def in_order(log: list[Bought]) -> dict[str, list[float]]:
    """By customer, the days of the purchases that were not older than the last before them."""
    days: dict[str, list[float]] = defaultdict(list)
    for one in log:
        if not days[one.customer] or one.day >= days[one.customer][-1]:
            days[one.customer].append(one.day)
    return days


@law
@given(histories(OVER, shuffled=True))
def test_every_late_event_counts_and_no_gap_is_negative(log: list[Bought]) -> None:
    life, late, _ = lived(log)
    population = life.state.population[0]
    kept = in_order(log)
    assert late == sum(one > 0.0 for one in lateness_of(log).values())
    assert population["applied"].tolist() == [len(log), 0, 0, 0]
    assert population["out_of_order"][Input.PURCHASES] == len(log) - sum(map(len, kept.values()))
    assert population["duplicates"].sum() == 0
    gaps = [gap for days in kept.values() for gap in np.diff(days).tolist()]
    assert all(gap > 0.0 for gap in gaps)
    assert population["gap_count"] == len(gaps)
    assert population["gap_log_sum"] == pytest.approx(math.fsum(map(math.log, gaps)))
    for row in range(life.state.size):
        days = kept[life.state.customer_id(row).decode()]
        assert life.state.rows[row]["n_purchases"] == len(days)


@law
@given(histories(WITHIN, shuffled=True))
def test_within_the_grace_nobody_is_called_silent_who_was_not(log: list[Bought]) -> None:
    _, _, episodes = lived(log)
    for customer, anchor, opened in episodes:
        days = [one.day for one in log if one.customer == customer]
        assert not [day for day in days if anchor < day <= opened]


@law
@given(st.booleans().flatmap(lambda shuffled: histories(OVER, shuffled=shuffled)))
def test_what_lateness_changes_is_bounded(log: list[Bought]) -> None:
    _, _, late = lived(log)
    _, _, ordered = lived(sorted(log, key=lambda one: one.day))
    lateness, kept = lateness_of(log), in_order(log)
    for customer in ("a", "bb", "ccc"):
        days = [one.day for one in log if one.customer == customer]
        until = min(set(days) - set(kept[customer]), default=math.inf)
        mine = {anchor: day for name, anchor, day in late if name == customer}
        expected = {
            anchor: day for name, anchor, day in ordered if name == customer and anchor < until
        }
        for anchor, opened in expected.items():
            assert anchor in mine
            assert -1e-6 <= mine[anchor] - opened <= lateness[customer, anchor] + 1e-6
        others = [anchor for anchor in mine if anchor < until and anchor not in expected]
        assert len(others) <= sum(lateness[customer, day] > 0.0 for day in days)


def test_beyond_the_grace_lateness_does_change_what_is_said() -> None:
    """Else the bounds above would bound nothing."""
    weekly = [Bought("a", 7.0 * i, 7.0 * i) for i in range(10)]
    late = Bought("a", 70.0, 170.0)
    others = [Bought("bb", 7.0 * i + 1.0, 7.0 * i + 1.0) for i in range(24)]
    log = sorted([*weekly, late, *others], key=lambda one: one.arrives)
    _, _, said = lived(log)
    _, _, ordered = lived(sorted(log, key=lambda one: one.day))
    extra = {episode[:2] for episode in said} - {episode[:2] for episode in ordered}
    assert extra == {("a", 63.0)}
