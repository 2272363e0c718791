"""Concept drift: has the model's own error risen?

Drift is of the model's world, all customers together; a single customer's change is a decline and
is judged elsewhere. One ADWIN a model, over the Brier error `(outcome - p)²` of each label.
"""

from __future__ import annotations

# What `river.drift.ADWIN` is around, as tests/contract holds. That package would be a second of a
# worker's start: with its other detectors come scipy and data sets.
from river._river_rust.drift import AdaptiveWindowing

from detectors.learning.weights import DriftState

# Errors kept. Simulated, 15 features, 18 abrupt changes of weights or base rate: 4096 find 14, most
# within 200 labels, and 2048 find 9; neither finds one in 96,000 labels without a change.
WINDOW = 4096
# An error is kept in whole per cent: rounding adds .003 to a standard deviation of about .2, and
# the window is 13 KB as text.
PER_CENT = 100


class DriftWatch:
    """ADWIN over the model's error that can be written down and continued.

    The library's detector cannot be saved as text. So the errors that it has seen since it last
    began are kept, and it is made again from them: what it holds is a function of that list. When
    the list is full its older half goes, and the detector begins again over the newer one.

    Errors must be in [0, 1]. A fall of the error (the model is learning) begins a new window and is
    not drift. Choose a plain running mean instead when only the level matters.

    >>> watch = DriftWatch()
    >>> any(watch.update(0.1) for _ in range(2000)), any(watch.update(0.4) for _ in range(300))
    (False, True)

    Source: Bifet & Gavaldà 2007, Learning from time-changing data with adaptive windowing.
    """

    def __init__(self, state: DriftState | None = None) -> None:
        state = state or DriftState()
        self._errors = list(state.errors)
        self._drifts = state.drifts
        self._adwin = _adwin_over(self._errors)

    @property
    def state(self) -> DriftState:
        """All there is to know; `DriftWatch(state)` goes on exactly like this one."""
        return DriftState(tuple(self._errors), self._drifts)

    def update(self, error: float) -> bool:
        """Take the error of one label; True when the error has risen for good."""
        self._errors.append(round(error * PER_CENT))
        if self._adwin.update(self._errors[-1] / PER_CENT):
            risen = self._has_risen(int(self._adwin.get_width()))
            self._begin_again(0)
            self._drifts += risen
            return risen
        if len(self._errors) == WINDOW:
            self._begin_again(WINDOW // 2)
        return False

    def first_rise(self, errors: list[float]) -> int | None:
        """Take errors up to the first at which `update` is True; its place, None if all were."""
        return next((i for i, error in enumerate(errors) if self.update(error)), None)

    def _has_risen(self, recent: int) -> bool:
        """Whether the last `recent` errors, which ADWIN kept, exceed those that it dropped."""
        kept, dropped = self._errors[-recent:], self._errors[:-recent]
        return sum(kept) * len(dropped) > sum(dropped) * len(kept)

    def _begin_again(self, keep: int) -> None:
        del self._errors[: len(self._errors) - keep]
        self._adwin = _adwin_over(self._errors)


def _adwin_over(errors: list[int]) -> AdaptiveWindowing:
    adwin = AdaptiveWindowing(
        delta=0.002, clock=32, max_buckets=5, min_window_length=5, grace_period=10
    )
    for error in errors:
        adwin.update(error / PER_CENT)
    return adwin
