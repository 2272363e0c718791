"""One partition, from recovered state to the next checkpoint, without Kafka.

Everything here is synchronous: between two awaits of the shell a partition is always whole, and a
snapshot is consistent because nothing can come between its parts.

One file, somewhat long: recovery, events, erasure and checkpoint are steps over the same state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np

from detectors import engine
from detectors.engine import Decisions
from detectors.observations import Input
from detectors.profile import Profile
from detectors.state import CustomerState
from detectors.timeline import DAWN, Timeline
from schemas.changelog import PartitionRecord, encode_partition
from schemas.reroutes import Reroute
from streams.errors import GapError, StateError
from streams.kafka.batches import FinishedBatch
from streams.kafka.columns import OFFSET, Fetched
from streams.partition import changelog, sampling
from streams.partition.customers import CustomersLine, CustomersStart, CustomersTaken
from streams.partition.digest import comparable
from streams.partition.forget import forget_letters, forget_rows
from streams.partition.ingest import DeadLetter, Home, ingest
from streams.partition.limit import LetterLimit
from streams.partition.sampling import PurchaseSampler
from streams.partition.traces import Parents, Traces
from streams.settings_groups import Dlq

# A partition where nothing happens still notes how far its watermark has come, but seldom.
IDLE_RECORD_SECONDS = 30.0

# Why an input is out.
COLLAPSED = "collapsed"  # its rate did, against its own hours of the week
PLANNED = "planned"  # maintenance was


@dataclass(slots=True)
class Snapshot:
    """What one transaction writes: taken between two awaits, so its parts belong together."""

    rows: list[FinishedBatch]
    record: bytes
    decisions: list[Decisions]
    dead_letters: dict[Input, list[DeadLetter]]
    positions: dict[Input, int]
    samples: list[bytes] = field(default_factory=list)
    reroutes: dict[Input, list[Reroute]] = field(default_factory=dict)
    customers: CustomersTaken | None = None
    parents: Parents = field(default_factory=dict)  # what the alerts' events were part of


class Taken(NamedTuple):
    """What was noticed about one fetch while it was read."""

    dead_letters: list[DeadLetter]
    late: int  # events behind their input's watermark: they count from now on
    unknown_fields: int  # in a sample, see `Ingested`
    rerouted: int = 0  # events that lay in another partition than their key's
    copies: int = 0  # of such events, sent on by other groups


class PartitionLife:
    """State, order and outbox of one partition.

    Args:
        names: the inputs' topics, by input code.
        starts: per input, where the group stands, and whether it had committed that (else: the
            log's start).
        sampled: of how many customers, at most, purchases are gathered for the trainer.
        home: where keys belong; None: every event counts where it lies.
        dlq: when there are too many dead letters to go on; None: never, and nothing is counted.
        customers: where the group stands in the customers' topic; None: there is none.
    """

    def __init__(
        self,
        number: int,
        profile: Profile,
        names: Sequence[str],
        starts: Mapping[Input, tuple[int, bool]],
        sampled: int = 0,
        home: Home | None = None,
        dlq: Dlq | None = None,
        customers: CustomersStart | None = None,
    ) -> None:
        self.number = number
        self.state = CustomerState(profile)
        self.timeline = Timeline()
        self.recovering = True
        self._names = names
        self._starts = starts
        self._positions = {source: offset for source, (offset, _) in starts.items()}
        self._recovered: PartitionRecord | None = None
        self._older_rows = False
        self._writer = changelog.ChangelogWriter(self.state)
        self._sampler = PurchaseSampler(number, sampled) if sampled else None
        self._decisions: list[Decisions] = []
        self._traces = Traces()
        self._dead_letters: dict[Input, list[DeadLetter]] = {source: [] for source in Input}
        self._home = home
        self._reroutes: dict[Input, list[Reroute]] = {source: [] for source in Input}
        self._dlq = dlq
        self._limits = self._letter_limits({})
        self.customers = CustomersLine(number, customers, home) if customers else None
        self._customers_start = customers
        self._customers_saved = customers.position if customers else 0
        self._customers_positions: dict[str, int] = {}
        self._saved_positions = dict(self._positions)
        self._saved_watermark = DAWN

    def _letter_limits(self, saved: Mapping[str, Sequence[int]]) -> dict[Input, LetterLimit]:
        if self._dlq is None:
            return {}
        names = {source: self._names[source] for source in Input}
        return {
            source: LetterLimit(self._dlq, name, self.number, saved.get(name, ()))
            for source, name in names.items()
        }

    # --- recovery ---------------------------------------------------------------------------------

    def restore(self, fetched: Fetched) -> None:
        """Take a fetch of the changelog."""
        record, older = changelog.restore(self.state, fetched)
        self._older_rows |= older
        if record is not None:
            self._recovered = record

    def finish_recovery(self) -> None:
        """Go on from what was recovered.

        Raises:
            StateError: the changelog and the group's committed offsets are not of one transaction.
        """
        where = f"partition {self.number}"
        record = self._recovered
        if record is None:
            committed = {self._names[s]: o for s, (o, known) in self._starts.items() if known}
            start = self._customers_start
            if start is not None and start.committed:
                committed[start.topic] = start.position
            if any(committed.values()) or self.state.size:
                raise StateError(
                    f"offsets {committed} are committed, but the changelog has no record of them",
                    where=where,
                    remedy="Give the group a new name to begin anew, "
                    "or restore the changelog topic.",
                )
        else:
            self._writer = changelog.ChangelogWriter(self.state)
            self._check(record, where)
            released = tuple(_time(record.released.get(self._names[s])) for s in Input)
            self.timeline = Timeline(_time(record.watermark), released)
            self.state.restore_population(record.population)
            self._limits = self._letter_limits(record.dead_letters)
            self._customers_positions = dict(record.customers_position)
        self._saved_watermark = self.timeline.watermark
        self.recovering = False

    def _check(self, record: PartitionRecord, where: str) -> None:
        committed = {self._names[s]: offset for s, (offset, _) in self._starts.items()}
        written = dict(record.positions)
        start = self._customers_start
        if start is not None:
            if start.topic in record.customers_position:
                written[start.topic] = record.customers_position[start.topic]
            if start.topic in written or start.committed:  # else it is read for the first time
                committed[start.topic] = start.position
        if written != committed:
            raise StateError(
                f"the changelog stands at {written}, the group's offsets at {committed}",
                where=where,
                remedy="If offsets were reset by hand, give the group a new name to begin anew; "
                "otherwise restart: recovery ended early.",
            )
        if record.customers != self.state.size:
            raise StateError(
                f"{self.state.size} customers were read back, {record.customers} were written",
                where=where,
                remedy="Restart: recovery ended early. If it stays, the changelog topic lost "
                "records: its cleanup.policy must be compact alone. What is lost cannot be had "
                "back from it: restore the topic, or give the group a new name to begin anew.",
            )
        # an older version wrote none, or another one, or other bytes of the same rows
        known = comparable(record.digest) and not self._older_rows
        if known and record.digest != self._writer.digest:
            raise StateError(
                f"the {record.customers} customers that were read back are not as they were "
                "written: newer rows of some are missing",
                where=where,
                remedy="Restart: recovery ended early. If it stays, the changelog topic lost "
                "records: restore it, or give the group a new name to begin anew.",
            )

    # --- events in --------------------------------------------------------------------------------

    def take(self, source: Input, fetched: Fetched, latest_allowed: float | None) -> Taken:
        """Read one fetch of an input, less what was taken before.

        Raises:
            GapError: it starts behind the position that comes next.
        """
        position = self._positions[source]
        if fetched.after <= position:
            return Taken([], 0, 0)
        if fetched.first > position:
            raise GapError(
                f"the next offset to read is {position}, the fetch starts at {fetched.first}",
                where=f"{self._names[source]}[{self.number}]",
                remedy="A restart reads again from the last commit. If it stays, retention has "
                "deleted events that were not read yet: reset the group's offsets knowingly.",
            )
        if fetched.first < position:
            fetched = fetched.from_position(position)
        read = ingest(source, fetched, self.state, latest_allowed=latest_allowed, home=self._home)
        if source in self._limits:
            self._limits[source].take(fetched.columns[:, OFFSET].copy(), read.dead_letters)
        late = self.timeline.add(source, read.observations, read.ids, read.offsets)
        if len(read.traced):
            self._traces.add(read.observations[read.traced], read.parents)
        self._dead_letters[source] += read.dead_letters
        self._reroutes[source] += read.reroutes
        self._positions[source] = fetched.after
        return Taken(read.dead_letters, late, read.unknown_fields, len(read.reroutes), read.copies)

    def dead_letter_share(self, source: Input) -> float:
        """Dead letters among the input's last records, of as many as `dlq.window` says."""
        return self._limits[source].share if self._limits else 0.0

    def position(self, source: Input) -> int:
        """The next offset to take."""
        return self._positions[source]

    def apply(self) -> int:
        """Apply what the inputs' watermarks have released; how many observations that were."""
        batch = self.timeline.release()
        if batch is None:
            return 0
        self._keep(engine.apply(self.state, batch))
        if self._sampler is not None:
            self._sampler.see(self.state, batch.observations)
        return len(batch.observations)

    def tick(self, at_end: Sequence[Input], wall_time: float | None) -> int:
        """Move the watermark where inputs were read to their ends, and decide what fell due.

        Args:
            at_end: the inputs that were read to their ends.
            wall_time: the clock that these follow; None when time runs in the events alone.
        """
        for source in at_end:
            if wall_time is None:
                self.timeline.step_aside(source)
            else:
                self.timeline.follow(source, wall_time)
        applied = self.apply()
        if np.isfinite(self.timeline.watermark):
            self._keep(engine.advance(self.state, self.timeline.watermark))
        return applied

    def out(self) -> dict[Input, tuple[str, float]]:
        """The inputs whose silence says nothing now: why, and since when."""
        own = self.state.population[0]
        planned, until = float(own["planned_begin"]), float(own["planned_end"])
        found = {source: (COLLAPSED, float(own["guard_out"][source])) for source in Input}
        if planned <= self.timeline.watermark < until:
            return {s: one if one[1] else (PLANNED, planned) for s, one in found.items()}
        return {source: one for source, one in found.items() if one[1]}

    def _keep(self, decisions: Decisions) -> None:
        if len(decisions.records) or len(decisions.examples):
            self._decisions.append(decisions)

    # --- erasure ----------------------------------------------------------------------------------

    def take_customers(self, fetched: Fetched) -> CustomersTaken | None:
        """Read one fetch of the customers' topic, less what was taken before.

        Raises:
            GapError: it starts behind the position that comes next.
        """
        return self.customers.take(fetched) if self.customers is not None else None

    def _erase_due(self, applied: Mapping[Input, int]) -> list[str]:
        """Forget whom the customers' topic says, all that came before being applied; their ids."""
        due = self.customers.due(applied) if self.customers is not None else {}
        if not due:
            return []
        ids = list(due)
        self._decisions = forget_rows(ids, self.state, self.timeline, self._writer, self._decisions)
        self._dead_letters = forget_letters(self._dead_letters, due)
        if self._sampler is not None:
            self._sampler.forget(sampling.sampled_numbers([one.encode() for one in ids]))
        return ids

    # --- the checkpoint ---------------------------------------------------------------------------

    def snapshot(self, time_ms: int) -> Snapshot | None:
        """Everything since the last snapshot; None when there is nothing worth a transaction."""
        positions = {source: self._applied_position(source) for source in Input}
        erased = self._erase_due(positions)
        customers = self.customers.passed(erased) if self.customers is not None else None
        letters = {s: _ripe(self._dead_letters[s], positions[s]) for s in Input}
        reroutes = {s: _ripe(self._reroutes[s], positions[s]) for s in Input}
        rows = self._writer.batches(time_ms)
        decisions, self._decisions = self._decisions, []
        moved = self.timeline.watermark - self._saved_watermark
        changed = bool(rows or decisions or positions != self._saved_positions)
        if customers is not None:
            changed = changed or customers.position != self._customers_saved
        if not changed and not moved >= IDLE_RECORD_SECONDS:  # from -inf to -inf is nan: no move
            return None
        self._saved_positions, self._saved_watermark = positions, self.timeline.watermark
        if customers is not None:
            self._customers_saved = customers.position
            self._customers_positions[customers.topic] = customers.position
        record = encode_partition(self._record(positions))
        samples = self._sampler.taken(self.state, self.timeline.watermark) if self._sampler else []
        if erased:
            numbers = sampling.sampled_numbers([one.encode() for one in erased])
            samples.append(sampling.erasure(self.number, numbers))
        parents = self._followed(decisions, erased)
        return Snapshot(
            rows, record, decisions, letters, positions, samples, reroutes, customers, parents
        )

    def _followed(self, decisions: Sequence[Decisions], erased: Sequence[str]) -> Parents:
        """The traces that lead to what was decided; where somebody was erased, rows have moved."""
        if erased:
            self._traces.clear()
        found: dict[tuple[int, float], bytes] = {}
        for one in decisions:
            found |= self._traces.of(one.records["row"], one.records["time"])
        self._traces.keep_from(self.timeline.watermark)
        return found

    def _applied_position(self, source: Input) -> int:
        waiting = self.timeline.first_waiting(source)
        return self._positions[source] if waiting is None else waiting

    def _record(self, positions: Mapping[Input, int]) -> PartitionRecord:
        population = self.state.population
        return PartitionRecord(
            positions={self._names[source]: offset for source, offset in positions.items()},
            released={
                self._names[source]: _json_time(self.timeline.released[source]) for source in Input
            },
            watermark=_json_time(self.timeline.watermark),
            customers=self._writer.customers,
            digest=self._writer.digest,
            population={n: population[n][0].tolist() for n in population.dtype.names or ()},
            dead_letters={
                self._names[source]: limit.state(positions[source])
                for source, limit in self._limits.items()
            },
            customers_position=self._customers_positions,
        )


Passed = TypeVar("Passed", DeadLetter, Reroute)


def _ripe(waiting: list[Passed], position: int) -> list[Passed]:
    """Take out what lies before the position; both are in the log's order."""
    ripe = [one for one in waiting if one.offset < position]
    del waiting[: len(ripe)]
    return ripe


def _time(value: float | None) -> float:
    return DAWN if value is None else value


def _json_time(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
