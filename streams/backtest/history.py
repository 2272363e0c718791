"""A history of a user's own, read once and decided over as often as need be.

Files are read as `offbeat replay` reads them, by event time, and decided over by the same engine: a
run over the whole history makes the decisions that a replay makes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.customer import DAY_SECONDS
from detectors.engine import Decisions, advance, apply
from detectors.lab.budget import Signs
from detectors.lab.histories import Days, Histories, Whole
from detectors.observations import OBSERVATION, Batch, Input, PurchaseKind, VisitKind
from detectors.profile import Profile
from detectors.state import CustomerState
from streams.errors import InputError
from streams.kafka.columns import Fetched
from streams.partition.ingest import ingest
from streams.replay import as_columns, refusals
from streams.sources.files import by_input
from streams.sources.rows import Refused, Rows

CHUNK = 65_536  # observations at once: some tenths of a second between two steps of a progress bar

Advance = Callable[[int], None]


@dataclass(frozen=True)
class History:
    """Everything that a file or folder holds, in the order in which it counts.

    observations: OBSERVATION[n], sorted by (effective_time, input); `row` is the customer, whose id
    `index` knows; refused: rows that are no events.
    """

    path: Path
    observations: NDArray[np.void]
    ids: NDArray[np.uint8]
    index: CustomerState
    refused: list[Refused]

    @property
    def customers(self) -> int:
        """How many of them."""
        return self.index.size

    @property
    def first(self) -> float:
        """When the first event was, in seconds since the epoch."""
        return float(self.observations["effective_time"][0])

    @property
    def last(self) -> float:
        """When the last one was."""
        return float(self.observations["effective_time"][-1])

    @property
    def epoch(self) -> float:
        """Midnight (UTC) before the first event: day 0."""
        return self.first - self.first % DAY_SECONDS

    def day(self, seconds: float) -> float:
        """A moment in days since `epoch`."""
        return (seconds - self.epoch) / DAY_SECONDS

    def date(self, day: float) -> str:
        """A day since `epoch` as 2026-03-02, in UTC."""
        return day_of(self.epoch + DAY_SECONDS * day)

    def name(self, customer: int) -> str:
        """The id of a customer."""
        return self.index.customer_id(customer).decode()

    def count_before(self, end: float) -> int:
        """How many observations lie before a moment (seconds)."""
        return int(np.searchsorted(self.observations["effective_time"], end))

    def decide(
        self, profile: Profile, end: float | None = None, done: Advance = lambda _: None
    ) -> Decisions:
        """What the engine decides from an empty state on, sorted by (customer, time).

        Args:
            profile: the detectors' parameters.
            end: seconds; what comes from then on is not there. Default: the last event counts too.
            done: is told how many observations have been taken, now and then.
        """
        state = CustomerState(profile, max(self.customers, 1))
        bounds = self.index.id_ends[: self.customers + 1].astype(np.int64)
        state.locate(self.index.ids, bounds[:-1], bounds[1:])
        until = float(np.nextafter(self.last, np.inf)) if end is None else end
        count = self.count_before(until)
        parts = []
        for at in range(0, count, CHUNK):
            some = self.observations[at : min(at + CHUNK, count)]
            parts.append(apply(state, Batch(some, self.ids)))
            done(some.size)
        parts.append(advance(state, until))
        records = np.concatenate([part.records for part in parts])
        beside = np.concatenate([part.customers for part in parts])
        order = np.lexsort((records["time"], records["row"]))
        return Decisions(records[order], beside[order], parts[-1].examples[:0])

    def signs(self, end: float = np.inf) -> Signs:
        """What ends each customer's silence, of what came before `end` (seconds).

        Purchases; for who bought less than twice until then, visits too.
        """
        seen = self.observations[: self.count_before(end)]
        bought = (seen["input"] == Input.PURCHASES) & (seen["kind"] != PurchaseKind.REFUND)
        came = (seen["input"] == Input.VISITS) & ~np.isin(
            seen["kind"], (VisitKind.CANCELLED, VisitKind.NO_SHOW, VisitKind.BOOKING)
        )
        counts = np.bincount(seen["row"][bought], minlength=self.customers)
        kept = bought | (came & (counts[seen["row"]] < 2))
        return Signs.of(seen["row"][kept], seen["event_time"][kept], self.customers)

    def purchases(self, profile: Profile) -> Histories:
        """Occasions of purchase in days since `epoch`; raises InputError when nobody bought.

        As the engine counts them: what is bought less than `occasion_seconds` after the purchase
        before it belongs to the same occasion.
        """
        seen = self.observations
        bought = (seen["input"] == Input.PURCHASES) & (seen["kind"] != PurchaseKind.REFUND)
        if not bought.any():
            raise InputError(
                "it holds no purchase",
                where=str(self.path),
                remedy="Give purchases: what a customer usually does is learnt from them.",
            )
        customer = seen["row"][bought].astype(np.int64)
        day = np.asarray((seen["event_time"][bought] - self.epoch) / DAY_SECONDS)
        order = np.lexsort((day, customer))
        customer, day = customer[order], day[order]
        begins = occasions(customer, day, profile.occasion_seconds / DAY_SECONDS)
        paid = np.add.reduceat(seen["amount"][bought][order], np.flatnonzero(begins))
        end = self.day(self.last)
        return Histories.of(customer[begins], day[begins], end, self.epoch, paid)


def occasions(customer: Whole, day: Days, length: float) -> NDArray[np.bool_]:
    """Which purchases, sorted by (customer, day), begin an occasion."""
    begins = np.ones(day.size, bool)
    begins[1:] = (np.diff(customer) != 0) | (np.diff(day) >= length)
    return begins


@dataclass(slots=True)
class _Reading:
    """Observations and ids while files are read."""

    index: CustomerState
    observations: list[NDArray[np.void]] = field(default_factory=list)
    ids: list[NDArray[np.uint8]] = field(default_factory=list)
    size: int = 0

    def take(self, source: Input, rows: Rows) -> list[Refused]:
        data, columns = as_columns(rows, 0)
        fetched = Fetched(data, columns, 0, len(rows.values))
        read = ingest(source, fetched, self.index, latest_allowed=None)
        read.observations["id_start"] += self.size
        read.observations["id_end"] += self.size
        self.size += read.ids.size
        self.observations.append(read.observations)
        self.ids.append(read.ids)
        return refusals(rows, read.dead_letters, 0)


def read_history(path: Path, done: Advance = lambda _: None) -> History:
    """Read a file or folder as `offbeat replay` does.

    Args:
        path: what to read.
        done: is told how many rows have been read, now and then.

    Raises:
        InputError: there is nothing to read, or not one event.
    """
    refused: list[Refused] = []
    reading = _Reading(CustomerState(Profile()))
    for source, parts in sorted(by_input(path, refused).items()):
        for rows in parts:
            refused += reading.take(source, rows)
            done(len(rows.values))
    found = np.concatenate([np.zeros(0, OBSERVATION), *reading.observations])
    if not found.size:
        reason = ""
        if refused:
            reason = f"; {len(refused):,} rows are none, the first: {refused[0].message}"
        raise InputError(
            f"it holds no event{reason}",
            where=str(path),
            remedy="Give a file named after its input (purchases.csv), or rows with an input; "
            "`offbeat replay` says what is wrong with each.",
        )
    found = found[np.lexsort((found["input"], found["effective_time"]))]
    ids = np.concatenate([np.zeros(0, np.uint8), *reading.ids])
    return History(path, found, ids, reading.index, refused)


def day_of(seconds: float) -> str:
    """2026-03-02, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
