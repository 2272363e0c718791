"""One fixed history of 24 customers over two years; prints what is decided of it, as JSON.

Run in a process of its own with NUMBA_DISABLE_JIT=1, it shows that uncompiled code decides alike.
"""

import json
from dataclasses import replace

import numpy as np

from detectors.judgement.reasons import explain
from detectors.observations import Input
from detectors.profile import Profile
from tests.laws.histories import Event, live
from tests.laws.strategies import GIVEN, KINDS


def history() -> list[Event]:
    """Customers with rhythms of their own, some of whom leave; all streams, some events late."""
    rng = np.random.default_rng(20)
    events: list[Event] = []
    for number in range(24):
        gap, gone = float(rng.lognormal(2.0, 0.7)), float(rng.uniform(100.0, 900.0))
        for source, scale in zip(Input, (1.0, 0.7, 2.0, 4.0), strict=True):
            if source == Input.PURCHASES and number % 6 == 0:
                continue  # lives by visits
            day = float(rng.uniform(0.0, 30.0))
            while day < min(gone, 730.0):
                events.append(
                    Event(
                        f"c-{number}",
                        source,
                        day,
                        kind=int(rng.integers(KINDS[source])) if rng.random() < 0.4 else 0,
                        amount=float(rng.lognormal(3.0, 0.5)),
                        value=float(rng.integers(11)),
                        extra=float(rng.integers(5)),
                        late_days=float(rng.choice([0.0, 0.0, 0.0, 3.0])),
                        event_id=f"{source.name.lower()}-{len(events)}-{'x' * (len(events) % 40)}",
                    )
                )
                day += gap * scale * float(rng.lognormal(0.0, 0.5))
    return events


def facts() -> list[list[object]]:
    """Every field of every decision and example, and its explanation, under two profiles."""
    learning = Profile(
        clock=replace(GIVEN, learns=True), value_customers=5.0, cooldown_days=20.0,
        win_back_medians=0.5, alert_budget=0.3,
    )  # fmt: skip
    some = [event for event in history() if event.customer < "c-2"]
    return facts_of(history(), Profile()) + facts_of(some, learning)


def facts_of(events: list[Event], profile: Profile) -> list[list[object]]:
    """The same, of these events under this profile."""
    _, decided = live(events, 1_200.0, profile)
    found: list[list[object]] = [
        [*_numbers(record), repr(explain(record, customer, profile))]
        for record, customer in zip(decided.records, decided.customers, strict=True)
    ]
    return found + [_numbers(example) for example in decided.examples]


def _numbers(record: np.void) -> list[object]:
    return [np.asarray(record[name], np.float64).tolist() for name in record.dtype.names or ()]


if __name__ == "__main__":
    print(json.dumps(facts()))  # noqa: T201 (a program: what it prints is its answer)
