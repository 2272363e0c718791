"""Who is at risk now in the partitions of this process: found, filtered, sorted, a page at a time.

The state is looked at on the event loop, some thousands of rows between two awaits, so that
the stream goes on; no view of it lives longer, because arrays that are looked at cannot grow where
they are. What was found is a copy, shared by all who ask within `FRESH_SECONDS`. Between two looks
events go on being applied: each row is whole, and what a page shows is read anew from the rows. Who
is erased in between may move another customer out of one list; the next has them.
"""

import asyncio
import time
import weakref
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from detectors.compiled import by_name
from detectors.customer import OPEN, Cause, Segment
from detectors.judgement.as_of import as_of
from detectors.judgement.episodes import Severity
from detectors.judgement.reasons import Explanation, explain_all
from detectors.judgement.roll import ROLL, list_open
from detectors.judgement.value import currency_name
from detectors.state import CustomerState
from streams.console.dossier import is_known
from streams.partition.life import PartitionLife
from streams.partition.seen import Seen

CHUNK = 1 << 14  # rows looked at between two awaits: a millisecond or two
FRESH_SECONDS = 2.0
PAGE_ROWS = 50
FOUND_ROWS = 50  # most customers that a search by a part of the id shows


class Order(StrEnum):
    """By what the list is sorted, the greatest first; equals by value."""

    VALUE = "value"
    SEVERITY = "severity"
    NEWEST = "newest"


class Wanted(Struct, frozen=True):
    """Which of those at risk; None: all."""

    segment: Segment | None = None
    cause: Cause | None = None
    severity: Severity | None = None
    held_back: bool = False  # those instead that are held back (docs/policy.md)
    order: Order = Order.VALUE
    page: int = 1


class Listed(NamedTuple):
    """One customer at risk, in words, as of their partition's watermark."""

    customer_id: str
    partition: int
    severity: int
    said: Explanation


class Page(NamedTuple):
    """A page of the list, and of how many it is one."""

    rows: list[Listed]
    matching: int
    at_risk: int  # all open episodes that are announced
    held_back: int
    customers: int
    currencies: tuple[str, ...]  # in which values are; several are ranked by their tenths
    pages: int


class Found(NamedTuple):
    """A customer whose id has what was searched for."""

    customer_id: str
    partition: int
    at_risk: bool


class _Gathered(NamedTuple):
    found: NDArray[np.void]  # ROLL, the most valuable first
    places: NDArray[np.int32]  # the place in `lives` of each
    lives: list[weakref.ref[PartitionLife]]
    customers: int
    at: float
    of: tuple[int, ...]


class Roll:
    """Looks at the partitions that `seen` gives."""

    def __init__(
        self, seen: Callable[[], Sequence[Seen]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seen = seen
        self._clock = clock
        self._looking = asyncio.Lock()
        self._gathered: _Gathered | None = None

    def lives(self) -> list[PartitionLife]:
        """The partitions whose state is whole."""
        return [one.life for one in self._seen() if not one.life.recovering]

    def version(self) -> str:
        """Changes with whatever was decided, and every hour of the streams' time."""
        parts = []
        for life in self.lives():
            decided = int(life.state.population["decisions"].sum())
            watermark = life.timeline.watermark
            hour = int(watermark // 3600) if np.isfinite(watermark) else 0
            parts.append(f"{life.number}.{decided}.{hour}")
        return "-".join(parts)

    async def page(self, wanted: Wanted) -> Page:
        """The page of the list; one behind the last is the last."""
        gathered = await self._look()
        found = gathered.found
        held = found["suppressed"] != 0
        keep = held if wanted.held_back else ~held
        if wanted.segment is not None:
            keep &= found["segment"] == wanted.segment
        if wanted.cause is not None:
            keep &= found["causes"] & np.uint8(wanted.cause) != 0
        if wanted.severity is not None:
            keep &= found["severity"] == wanted.severity
        which = np.flatnonzero(keep)
        if wanted.order is Order.SEVERITY:
            which = which[np.argsort(4 - found["severity"][which], kind="stable")]
        elif wanted.order is Order.NEWEST:
            which = which[np.argsort(-found["opened_at"][which], kind="stable")]
        pages = max(-(-len(which) // PAGE_ROWS), 1)
        first = (min(wanted.page, pages) - 1) * PAGE_ROWS
        codes = np.unique(found["currency"][found["currency"] != 0]).tolist()
        held_back = int(held.sum())
        return Page(
            rows=_listed(gathered, which[first : first + PAGE_ROWS]),
            matching=len(which),
            at_risk=len(found) - held_back,
            held_back=held_back,
            customers=gathered.customers,
            currencies=tuple(name for code in codes if (name := currency_name(code))),
            pages=pages,
        )

    async def search(self, text: str) -> list[Found]:
        """Customers whose id contains the text, the one that is it first; at most FOUND_ROWS."""
        wanted = text.encode()
        found: dict[str, Found] = {}
        for life in self.lives():
            row = life.state.find(wanted)
            if row >= 0 and is_known(life, row):
                found[text] = _found(life, row)
        for life in self.lives():
            first = 0
            while first < life.state.size and len(found) < FOUND_ROWS:
                for row in _rows_with(life.state, wanted, first, FOUND_ROWS):
                    if is_known(life, row):
                        one = _found(life, row)
                        found.setdefault(one.customer_id, one)
                first += CHUNK
                await asyncio.sleep(0)
        return list(found.values())[:FOUND_ROWS]

    async def _look(self) -> _Gathered:
        async with self._looking:
            lives = self.lives()
            of = tuple(id(life) for life in lives)
            last = self._gathered
            if last is None or last.of != of or self._clock() - last.at >= FRESH_SECONDS:
                self._gathered = last = await self._gather(lives, of)
            return last

    async def _gather(self, lives: list[PartitionLife], of: tuple[int, ...]) -> _Gathered:
        parts: list[NDArray[np.void]] = [np.empty(0, ROLL)]
        places = [0]
        for place, life in enumerate(lives):
            first = 0
            while first < life.state.size:
                parts.append(_open_among(life.state, first))
                places.append(place)
                first += CHUNK
                await asyncio.sleep(0)
        found, where = await asyncio.to_thread(_sorted, parts, places)
        customers = sum(life.state.size for life in lives)
        return _Gathered(
            found, where, [weakref.ref(x) for x in lives], customers, self._clock(), of
        )


def _open_among(state: CustomerState, first: int) -> NDArray[np.void]:
    """The open episodes of CHUNK rows."""
    end = min(first + CHUNK, state.size)
    found = np.empty(end - first, ROLL)
    n = list_open(by_name(state.rows), first, end, state.profile.record, by_name(found))
    return found[:n].copy()


def _sorted(
    parts: list[NDArray[np.void]], places: list[int]
) -> tuple[NDArray[np.void], NDArray[np.int32]]:
    """All of them, the most valuable first. Money of several currencies compares by its tenth."""
    found = np.concatenate(parts)
    where = np.repeat(np.array(places, np.int32), [len(part) for part in parts])
    if len(np.unique(found["currency"][found["currency"] != 0])) > 1:
        order = np.lexsort((-found["value"], -found["value_tenth"].astype(np.int16)))
    else:
        order = np.argsort(-found["value"])  # of equals the same one each time, which will do
    return found[order], where[order]


def _listed(gathered: _Gathered, which: NDArray[np.int64]) -> list[Listed]:
    """These in words, as their rows are now; who is no longer at risk is left out."""
    placed: list[tuple[int, Listed]] = []
    rows, places = gathered.found["row"][which], gathered.places[which]
    for place in np.unique(places).tolist():
        life = gathered.lives[place]()
        mine = np.flatnonzero(places == place)
        if life is None or life.recovering:
            continue
        state = life.state
        still = [at for at in mine.tolist() if _is_open(state, int(rows[at]))]
        said = explained(life, [int(rows[at]) for at in still])
        for at, why in zip(still, said, strict=True):
            row = int(rows[at])
            severity = int(state.rows[row]["severity"])
            customer = state.customer_id(row).decode()
            placed.append((at, Listed(customer, life.number, severity, why)))
    return [listed for _, listed in sorted(placed, key=lambda one: one[0])]


def explained(life: PartitionLife, rows: Sequence[int]) -> list[Explanation]:
    """Where these customers stand as of the partition's watermark."""
    if not rows:
        return []
    state, now = life.state, life.timeline.watermark
    profile = state.profile_in_effect
    customers = state.rows[list(rows)]
    records = np.array([as_of(customer, now, profile) for customer in customers])
    return explain_all(records, customers, profile)


def _is_open(state: CustomerState, row: int) -> bool:
    return row < state.size and int(state.rows[row]["episode"]) == OPEN


def _rows_with(state: CustomerState, wanted: bytes, first: int, most: int) -> list[int]:
    """Of CHUNK rows from `first` on those whose id contains `wanted`, `most` at most."""
    end = min(first + CHUNK, state.size)
    ends = state.id_ends[first : end + 1] - state.id_ends[first]
    ids = state.ids[state.id_ends[first] : state.id_ends[end]].tobytes()
    rows: list[int] = []
    at = ids.find(wanted)
    while at >= 0 and len(rows) < most:
        row = int(np.searchsorted(ends, at, side="right")) - 1
        if at + len(wanted) <= ends[row + 1]:
            rows.append(first + row)
        at = ids.find(wanted, int(ends[row + 1]) if rows[-1:] == [first + row] else at + 1)
    return rows


def _found(life: PartitionLife, row: int) -> Found:
    customer = life.state.customer_id(row).decode()
    return Found(customer, life.number, _is_open(life.state, row))
