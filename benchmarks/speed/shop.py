"""As many customers as wanted, each in the middle of a life, and what they do next.

To simulate millions would take hours. So some thousand customers are simulated, their events go
through the engine, and their rows are kept as they are at the end of each of some weeks. A crowd of
any size is copies of these, under ids of their own: a row as it was w weeks later, moved back by w
weeks, stands at the same moment as all others and does next what its customer did then. Within a
batch customers come in a random order, so that copies do not follow one another.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.customer import CUSTOMER, DAY_SECONDS, WEEK_SECONDS
from detectors.engine import advance, apply
from detectors.index import hash_slices
from detectors.lab.decided import empty_state, observations
from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation, customer_id
from detectors.observations import Batch, Input
from detectors.profile import Profile
from detectors.state import CustomerState
from streams.cli.progress import progress

SIMULATED = 10_000
LIVED_WEEKS = 30  # before the first of the weeks whose rows are kept
WEEKS_KEPT = 16
LATER_WEEKS = 20  # of events behind the last of them
EVENT_ID = b"e-%010d"
TIMES = (
    *("due", "purchase_deadline", "visit_deadline", "step_due", "expiry_due", "tick_due"),
    *("first_seen", "last_seen", "applied_until", "last_purchase", "last_visit", "anchor"),
    *("opened_at", "snapshot_time"),
)
RANKS = ("frozen_at", "cycle_days", "value_medians", "value_marks", "currencies", "value_origins")

Slices = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]


def slices(parts: list[bytes]) -> Slices:
    """The texts in one buffer, and where each begins and ends."""
    ends = np.cumsum([0, *map(len, parts)])
    return np.frombuffer(b"".join(parts), np.uint8), ends[:-1], ends[1:]


def keys(numbers: NDArray[np.int64]) -> Slices:
    """The ids of the customers with these numbers."""
    return slices([customer_id(number).encode() for number in numbers.tolist()])


class Shop:
    """The simulated customers: rows as they were at the end of some weeks, and all their events."""

    def __init__(self, profile: Profile, customers: int = SIMULATED, seed: int = 1) -> None:
        self.profile = profile
        self.customers = customers
        weeks = LIVED_WEEKS + WEEKS_KEPT + LATER_WEEKS
        scenario = Scenario(customers=customers, days=7.0 * weeks, seed=seed)
        batch = observations(np.concatenate(list(Simulation(scenario).events())))
        self.events = batch.observations
        names = slices([EVENT_ID % number for number in range(len(self.events))])
        self.ids, self.events["id_start"], self.events["id_end"] = names
        self.events["id_hash"] = hash_slices(*names)
        self.now = scenario.start + LIVED_WEEKS * WEEK_SECONDS
        self.daily = np.count_nonzero(self.events["event_time"] >= self.now) / (
            customers * (scenario.end - self.now) / DAY_SECONDS
        )
        self._kept = list(self._live())

    def _live(self) -> Iterator[NDArray[np.void]]:
        state = empty_state(self.customers, self.profile)
        done = 0
        with progress("Living", WEEKS_KEPT, "weeks") as advanced:
            for week in range(WEEKS_KEPT):
                end = self.now + week * WEEK_SECONDS
                stop = int(np.searchsorted(self.events["event_time"], end))
                apply(state, Batch(self.events[done:stop], self.ids))
                advance(state, end)
                if week == 0:
                    own = state.population
                    self.population = {name: own[name].copy() for name in RANKS}
                done = stop
                advanced(1)
                yield moved_back(state.rows[: state.size], week)

    def rows(self, numbers: NDArray[np.int64]) -> NDArray[np.void]:
        """CUSTOMER of the copies with these numbers."""
        rows = np.empty(len(numbers), CUSTOMER)
        copies, customers = np.divmod(numbers, self.customers)
        for week, kept in enumerate(self._kept):
            mine = copies % WEEKS_KEPT == week
            rows[mine] = kept[customers[mine]]
        return rows


def moved_back(rows: NDArray[np.void], weeks: int) -> NDArray[np.void]:
    """A copy of the rows in which everything was that many weeks earlier."""
    moved = rows.copy()
    for name in TIMES:
        moved[name] -= weeks * WEEK_SECONDS
    moved["week"][rows["week"] > 0] -= weeks
    moved["quiet_until"][rows["quiet_until"] > 0] -= np.uint32(weeks * WEEK_SECONDS / 60.0)
    return moved


@dataclass(frozen=True, slots=True)
class Coming:
    """One batch: the customers' ids, and their observations, whose rows are still to be found."""

    keys: Slices
    batch: Batch
    end: float


class Crowd:
    """`customers` copies, numbered from `first` on; usually those of one partition."""

    def __init__(self, shop: Shop, customers: int, first: int = 0) -> None:
        self.shop = shop
        self.customers = customers
        self.first = first

    def state(self, chunk: int = 50_000) -> CustomerState:
        """Their state, put back as a recovery does."""
        state = CustomerState(self.shop.profile)
        for at in range(0, self.customers, chunk):
            rows, ids = self.copies(np.arange(at, min(at + chunk, self.customers)))
            state.restore(*ids, rows)
        state.restore_population(self.shop.population)
        return state

    def copies(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.void], Slices]:
        """Rows and ids of these of the crowd, counted from 0."""
        return self.shop.rows(numbers), keys(numbers + self.first)

    def coming(self, size: int, distinct: float | None = None) -> Iterator[Coming]:
        """Batches of about `size` events each, as they follow one another in time.

        distinct: how many customers there are among so many events. Of those who come, the first
        get what the others do, too. None: as it comes.
        """
        rng = np.random.default_rng(0)
        shop, copies = self.shop, -(-self.customers // self.shop.customers)
        step = size / (shop.daily * self.customers) * DAY_SECONDS
        begin = shop.now
        while True:
            parts = []
            for week in range(min(copies, WEEKS_KEPT)):
                behind = week * WEEK_SECONDS
                window = np.array([begin, begin + step]) + behind
                first, stop = np.searchsorted(shop.events["event_time"], window).tolist()
                if stop == len(shop.events):
                    return
                events = shop.events[first:stop].copy()
                for name in ("event_time", "effective_time"):
                    events[name] -= behind
                events["value"][events["input"] == Input.PAYMENTS] -= behind  # when it was due
                of_week = np.arange(week, copies, WEEKS_KEPT)
                every = np.tile(events, len(of_week))
                every["row"] += np.repeat(of_week * shop.customers, len(events)).astype(np.int32)
                parts.append(every[every["row"] < self.customers])
            events = self._shuffled(np.concatenate(parts), rng)
            if distinct is not None:
                some = np.unique(events["row"])[: max(1, round(distinct * len(events)))]
                events["row"] = rng.permutation(np.resize(some, len(events)))
            ids = keys(events["row"].astype(np.int64) + self.first)
            yield Coming(ids, Batch(events, self.shop.ids), begin + step)
            begin += step

    def _shuffled(self, events: NDArray[np.void], rng: np.random.Generator) -> NDArray[np.void]:
        times = np.sort(events["event_time"])
        if self.customers > self.shop.customers:
            events = events[rng.permutation(len(events))]
            events["event_time"] = events["effective_time"] = times
        return events
