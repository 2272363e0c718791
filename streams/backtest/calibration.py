"""Runs of the engine over a history, to find the price that keeps to a budget of alerts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.customer import DAY_SECONDS
from detectors.engine import Decisions
from detectors.judgement.reasons import explain_all
from detectors.lab.budget import (
    Counted,
    Found,
    Signs,
    Span,
    alerts_opened,
    count,
    expected,
    find_price,
    priced,
)
from detectors.profile import Profile
from streams.backtest.history import Advance, History
from streams.errors import InputError

LEAST_DAYS = 28.0
WARM_UP = 0.25  # of the first part: until then nearly everybody is new
FOLLOW = 0.25  # of the shorter part, at most: the end, where alerts are told true from false


@dataclass(frozen=True, slots=True)
class Budget:
    """What is asked for: at most `most` of what `name` says, in one segment or in all."""

    most: float
    name: str  # of a field of Expected
    words: str
    option: str
    segment: str | None = None


def spans(history: History, hold_out: float, horizon_days: float) -> tuple[Span, Span]:
    """What the price is found on, and what is held out; both looked on for equally long.

    Raises InputError for a history of less than LEAST_DAYS.
    """
    whole = history.last - history.first
    if whole < LEAST_DAYS * DAY_SECONDS:
        raise InputError(
            f"it spans {whole / DAY_SECONDS:.1f} days",
            where=str(history.path),
            remedy="Give at least four weeks; a year is better.",
        )
    split = history.last - hold_out * whole
    shorter = min(hold_out, 1.0 - hold_out) * whole
    follow = min(horizon_days * DAY_SECONDS, FOLLOW * shorter)
    begin = history.first + WARM_UP * (split - history.first)
    return Span(begin, split - follow, split), Span(split, history.last - follow, history.last)


class Runs:
    """Runs of the engine over a history, and what they open that a budget counts."""

    def __init__(self, history: History, start: Profile, budget: Budget) -> None:
        self.history, self.start, self.budget = history, start, budget
        self.segments: set[str] = set()  # seen, if they are asked for
        self._signs: dict[float, Signs] = {}

    def count(self, profile: Profile, span: Span, done: Advance) -> Counted:
        """Run the engine up to the end of the span, and count what it opened."""
        end = span.end if span.end < self.history.last else None
        decisions = self.history.decide(profile, end, done)
        opens = alerts_opened(decisions.records)
        if self.budget.segment is not None:
            opens[opens] = self._in_segment(decisions, opens, profile)
        if span.end not in self._signs:
            self._signs[span.end] = self.history.signs(span.end)
        return count(decisions.records[opens], self._signs[span.end], span)

    def search(self, span: Span, done: Advance) -> Found:
        """The price that keeps to the budget in a span."""

        def rate_at(price: float) -> float:
            counted = self.count(priced(self.start, price), span, done)
            return float(getattr(expected(counted, 0), self.budget.name)[0])

        return find_price(rate_at, self.budget.most)

    def _in_segment(
        self, decisions: Decisions, opens: NDArray[np.bool_], profile: Profile
    ) -> NDArray[np.bool_]:
        said = explain_all(decisions.records[opens], decisions.customers[opens], profile)
        self.segments |= {why.segment for why in said}
        return np.array([why.segment == self.budget.segment for why in said], bool)
