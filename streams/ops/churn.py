"""What metrics say of customers who leave and return, by columns.

Counters come from what was committed; gauges from the rows, in rounds: so many rows a look, that
the loop which answers the group is not kept. They are right from the first whole round after a
recovery on; until every partition has had one there are none, for half of a shop is no figure.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors import census
from detectors.census import CENSUS, Standing
from detectors.customer import Segment
from detectors.engine import Decisions
from detectors.judgement.episodes import Status
from detectors.judgement.leading import CAUSES, leading_causes
from detectors.judgement.value import currency_name
from detectors.records import joined
from streams.calendar import DAYS, zone_shifts
from streams.ops.metrics import Metrics
from streams.partition.life import PartitionLife

# Rows a look, of all partitions together: some 0.3 ms twice a second, and where one in ten is at
# risk 2 ms. A million customers are counted anew every 15 s; after a recovery within 2 s.
ROWS = 32_768
FIRST_ROWS = 8 * ROWS
LEAST_ROWS = 1024  # of a partition

_COUNTED = (Status.OPENED, Status.SUPPRESSED, Status.RESOLVED, Status.EXPIRED)
_SEASONAL = (Status.OPENED, Status.RESOLVED, Status.EXPIRED)
_REASONS = [str(cause.name).lower() for cause in CAUSES]
_THURSDAY = 3  # 1970-01-01


@dataclass(slots=True)
class _Round:
    """A partition's count that is under way, and the last whole one with its currencies."""

    position: int = 0
    counted: NDArray[np.void] = field(default_factory=lambda: np.zeros(1, CENSUS))
    whole: NDArray[np.void] | None = None
    currencies: tuple[int, ...] = ()


class Churn:
    """The churn figures of a worker; `time_zone` is the shop's."""

    def __init__(self, metrics: Metrics, time_zone: str) -> None:
        self._metrics = metrics
        shifts = np.array(zone_shifts(time_zone))
        self._shifted_at, self._offsets = shifts[:, 0], shifts[:, 1]
        self._rounds: dict[int, _Round] = {}
        self._shown = False

    def assigned(self, owned: Collection[int]) -> None:
        """These partitions are ours; those that are new are counted from their first row on."""
        self._rounds = {n: self._rounds.get(n) or _Round() for n in owned}
        self._show()

    def recovered(self, partition: int) -> None:
        """Its state is another one than before: whatever was counted of it says nothing."""
        self._rounds[partition] = _Round()

    def decided(self, committed: Sequence[Decisions]) -> None:
        """These decisions are on the wire."""
        records, customers = (
            joined([getattr(one, name) for one in committed]) for name in ("records", "customers")
        )
        status, best = records["status"], customers["best_segment"]
        counted = np.column_stack([status, best, leading_causes(records)])
        for (said, segment, cause), n in _tally(counted[np.isin(status, _COUNTED)]):
            words = Status(said).name.lower(), Segment(segment).name.lower()
            self._metrics.episodes.labels(*words, _REASONS[cause]).inc(n)
        seasonal = np.isin(status, _SEASONAL)
        months, weekdays = self._season(records["time"][seasonal])
        for (said, month, weekday), n in _tally(
            np.column_stack([status[seasonal], months, weekdays])
        ):
            name = Status(said).name.lower()
            self._metrics.season.labels(name, f"{month + 1:02}", DAYS[weekday]).inc(n)

    def _season(self, times: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Month (0 to 11) and day of the week (0 = Monday) of times, in the shop's zone."""
        shift = np.maximum(np.searchsorted(self._shifted_at, times, side="right") - 1, 0)
        days = np.floor((times + self._offsets[shift]) / 86_400.0).astype(np.int64)
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        return months % 12, (days + _THURSDAY) % 7

    def looked(self, lives: Iterable[PartitionLife]) -> None:
        """Count some more rows of each partition, and tell what is whole."""
        lives = list(lives)
        news = False
        for life in lives:
            one = self._rounds[life.number]
            rows = FIRST_ROWS if one.whole is None else ROWS
            end = one.position + max(rows // len(lives), LEAST_ROWS)
            watermark = life.timeline.watermark
            if np.isfinite(watermark):  # else nobody has been seen
                census.count(life.state, one.position, end, watermark, one.counted)
            one.position = end
            if end >= life.state.size:
                one.whole, one.counted = one.counted, np.zeros(1, CENSUS)
                one.currencies = tuple(life.state.population["currencies"][0].tolist())
                one.position = 0
                news = True
        if news:
            self._show()

    def _show(self) -> None:
        metrics = self._metrics
        whole = [one.whole[0] for one in self._rounds.values() if one.whole is not None]
        if len(whole) < len(self._rounds) or not whole:
            if self._shown:
                for gauge in (metrics.customers_by_state, metrics.at_risk, metrics.value_at_risk):
                    gauge.clear()
                self._shown = False
            return
        standing = sum(one["standing"] for one in whole)
        for state in Standing:
            metrics.customers_by_state.labels(state.name.lower()).set(int(standing[state]))
        at_risk = sum(one["at_risk"] for one in whole)
        values = _values(self._rounds.values())
        for segment in Segment:
            if segment is not Segment.UNSEEN:
                for place, reason in enumerate(_REASONS):
                    words = segment.name.lower(), reason
                    metrics.at_risk.labels(*words).set(int(at_risk[segment, place]))
                    for currency, value in values.items():
                        money = metrics.value_at_risk.labels(*words, currency)
                        money.set(round(float(value[segment, place]), 2))
        self._shown = True


def _values(rounds: Iterable[_Round]) -> dict[str, NDArray[np.float64]]:
    """By currency: [segment, cause]."""
    found: dict[str, NDArray[np.float64]] = {}
    for one in rounds:
        for place, code in enumerate(one.currencies):
            name = currency_name(code)
            if one.whole is not None and name is not None:
                value = one.whole[0]["value"][:, :, place]
                found[name] = found[name] + value if name in found else value
    return found


def _tally(rows: NDArray[np.integer]) -> Iterable[tuple[list[int], int]]:
    """Each different row, and how often it is there."""
    found, counts = np.unique(rows, axis=0, return_counts=True)
    return zip(found.tolist(), counts.tolist(), strict=True)
