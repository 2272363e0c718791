"""Which partitions this process owns, and the order in which it takes, saves and gives them up.

The rules (each has lost or doubled events where it was missing):

* a partition's state is made in `rebalance` and nowhere else, after its producer has fenced the
  last owner;
* a partition that stays keeps state, positions and producer: had somebody else one meanwhile, our
  producer is fenced and the process ends at its next transaction;
* a fetch is taken only when it starts at the partition's own position;
* nothing is saved between the last transaction before a rebalance and the end of that rebalance;
* whatever goes wrong ends the process: the last commit is the truth.

One file, somewhat long: whether these rules hold only shows side by side.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, Protocol

from aiokafka import TopicPartition
from faust.types.tuples import TP

from detectors.observations import Input
from streams.errors import TopicsError
from streams.kafka.columns import Fetched
from streams.kafka.connection import client_options
from streams.kafka.positions import starting_positions
from streams.kafka.producer import Outgoing, PartitionProducer
from streams.ops.observer import Observer
from streams.ops.watchdog import MUST_WAIT, Work
from streams.partition.customers import CustomersStart
from streams.partition.ingest import Home, Reading
from streams.partition.life import PartitionLife, Snapshot
from streams.partition.sampling import WANTED_CUSTOMERS
from streams.partition.seen import Seen
from streams.settings import Settings, detector_profile

# Of the session timeout: the group hears from us before it gives us up.
LAST_COMMIT_SHARE = 0.8
# Of fencing and asking for positions, which wait for a broker that is away: Faust's own bound of a
# rebalance.
REBALANCE_SECONDS = 60.0


class Publisher(Protocol):
    """Turns a snapshot into what goes on the wire."""

    def outgoing(self, life: PartitionLife, snapshot: Snapshot) -> list[Outgoing]:
        """What one transaction writes, by topic and partition."""


@dataclass(slots=True)
class _Owned:
    life: PartitionLife
    producer: PartitionProducer
    saving: asyncio.Lock = field(default_factory=asyncio.Lock)
    saved_at: float | None = None


class PartitionOwner:
    """All partitions of this process.

    Args:
        end_offset: the end of an input's partition as of the last fetch, None when not known yet.
        ends_now: asks the broker for the ends of partitions.
        hold: told which inputs must wait for others.
        fail: ends the process.
    """

    def __init__(
        self,
        settings: Settings,
        publisher: Publisher,
        observer: Observer,
        *,
        end_offset: Callable[[TP], int | None],
        ends_now: Callable[[Collection[TP]], Awaitable[Mapping[TP, int]]],
        hold: Callable[[set[TP]], None],
        fail: Callable[[BaseException], NoReturn],
    ) -> None:
        self._settings = settings
        self._profile = detector_profile(settings)
        self._names = settings.topics.inputs
        topics = settings.topics
        self._partitions = topics.partitions if topics.partitioner == "murmur2" else None
        refitting = settings.model.refit_days > 0
        self._sampled = max(WANTED_CUSTOMERS // settings.topics.partitions, 1) if refitting else 0
        self._options = client_options(settings)
        self._publisher = publisher
        self._observer = observer
        self._end_offset = end_offset
        self._ends_now = ends_now
        self._hold = hold
        self._fail = fail
        self._owned: dict[int, _Owned] = {}
        self._held: set[TP] = set()
        self._restored = 0  # fetches of the changelog
        self._rebalances = self._commits = 0
        self._paused = self._ended = False
        self._moving = asyncio.Lock()  # held by a rebalance, and by the end

    # --- assignment and recovery (called by the table) --------------------------------------------

    async def rebalance(self, gone: set[TP], new: set[TP]) -> None:
        """Give up what went, fence and start what came; nothing any more after the end."""
        try:
            async with asyncio.timeout(REBALANCE_SECONDS), self._moving:
                if not self._ended:
                    await self._rebalance(self._numbers(gone), self._numbers(new))
        except Exception as error:  # noqa: BLE001 (whatever it is, the process ends)
            self._fail(error)

    async def _rebalance(self, gone: set[int], new: set[int]) -> None:
        for number in (gone | new) & self._owned.keys():
            owned = self._owned.pop(number)
            async with owned.saving:
                await owned.producer.stop()
        group = self._settings.group
        if grown := [n for n in new if n >= self._settings.topics.partitions]:
            raise TopicsError(
                f"the inputs have been given more partitions (number {min(grown)} is new) while "
                "workers run: customers move away from their past",
                where=", ".join(self._names),
                remedy="`offbeat topics check` says what has to be made anew.",
            )
        timeout = self._settings.kafka.transaction_timeout_seconds
        producers = {
            n: PartitionProducer(group, str(n), self._options, timeout) for n in sorted(new)
        }
        await asyncio.gather(*(producer.start() for producer in producers.values()))
        sources = self._settings.topics.sources
        tps = {(n, name): TopicPartition(name, n) for n in producers for name in sources}
        starts = await starting_positions(self._options, group, tps.values())
        customers = self._settings.topics.customers
        for number, producer in producers.items():
            life = PartitionLife(
                number,
                self._profile,
                self._names,
                {source: starts[tps[number, self._names[source]]] for source in Input},
                self._sampled,
                Home(group, number, self._partitions),
                self._settings.dlq,
                CustomersStart(customers, *starts[tps[number, customers]]) if customers else None,
            )
            self._owned[number] = _Owned(life, producer)
        self._paused = False
        self._rebalances += 1
        self._observer.assigned(self._owned.keys(), gone)

    def _numbers(self, tps: set[TP]) -> set[int]:
        return {tp.partition for tp in tps if tp.topic in self._names}

    def restore(self, partition: int, fetches: Sequence[Fetched]) -> None:
        """Take rows of the changelog, where they are wanted.

        Of a kept partition they are too old.
        """
        self._restored += 1
        owned = self._owned.get(partition)
        if owned is None or not owned.life.recovering:
            return
        try:
            for fetched in fetches:
                self._observer.restored(len(fetched.columns))
                owned.life.restore(fetched)
        except Exception as error:  # noqa: BLE001 (whatever it is, the process ends)
            self._fail(error)

    def recovered(self, partitions: set[int]) -> None:
        """Recovery of these says it has ended: check it."""
        try:
            for number, owned in self._owned.items():
                if owned.life.recovering and number in partitions:
                    owned.life.finish_recovery()
                    self._observer.recovered(owned.life)
        except Exception as error:  # noqa: BLE001 (whatever it is, the process ends)
            self._fail(error)

    # --- events -----------------------------------------------------------------------------------

    def prepare(self, tp: TopicPartition, fetched: Fetched) -> Fetched:
        """Read an input's fetch as far as that needs no state; on the consumer's thread."""
        if tp.topic not in self._names:
            return fetched
        source = Input(self._names.index(tp.topic))
        return replace(fetched, made=Reading(source, fetched, self._latest_allowed()))

    def take(self, source: Input, partition: int, fetches: Sequence[Fetched]) -> None:
        """Take and apply fetches of an input; those of partitions that are not ours are dropped."""
        owned = self._owned.get(partition)
        if owned is None or owned.life.recovering:
            return
        started = time.monotonic()
        try:
            for fetched in fetches:
                taken = owned.life.take(source, fetched, self._latest_allowed())
                self._observer.took(source, taken)
            owned.life.apply()
        except Exception as error:  # noqa: BLE001 (whatever it is, the process ends)
            self._fail(error)
        self._observer.applied(time.monotonic() - started)
        self._hold_ahead()

    def take_customers(self, partition: int, fetches: Sequence[Fetched]) -> None:
        """Take fetches of the customers' topic; those of partitions that are not ours are dropped.

        What they ask for is done at checkpoints.
        """
        owned = self._owned.get(partition)
        if owned is None or owned.life.recovering:
            return
        try:
            for fetched in fetches:
                self._observer.took_customers(owned.life.take_customers(fetched))
        except Exception as error:  # noqa: BLE001 (whatever it is, the process ends)
            self._fail(error)

    def _latest_allowed(self) -> float | None:
        if self._settings.clock == "event":
            return None
        return time.time() + self._settings.max_clock_skew_seconds

    def work(self) -> Work | None:
        """What is to be done now; None while a rebalance is under way."""
        if self._paused:
            return None
        lives = [owned.life for owned in self._owned.values()]
        positions = {
            TopicPartition(tp.topic, tp.partition): MUST_WAIT
            if life.recovering or tp in self._held
            else life.position(source)
            for life in lives
            for source in Input
            if (tp := TP(self._names[source], life.number))
        }
        recovering = [life.number for life in lives if life.recovering]
        stuck = [o.life.number for o in self._owned.values() if o.saving.locked()]
        busy = f"recovering partitions {recovering}" if recovering else ""
        busy = busy or (f"saving partitions {stuck}" if stuck else "")
        # what is taken in and never saved is no progress
        taken = None if stuck else tuple(positions.values())
        return Work((self._rebalances, self._restored, self._commits, taken), positions, busy)

    def seen(self) -> list[Seen]:
        """The partitions of this process, for the pages; good until the next await."""
        return [
            Seen(
                owned.life,
                {source: self._end(source, owned.life) for source in Input},
                owned.saved_at,
                owned.saving.locked(),
            )
            for _, owned in sorted(self._owned.items())
        ]

    def _hold_ahead(self) -> None:
        self._held = self._ahead()
        self._hold(self._held)

    def _ahead(self) -> set[TP]:
        """Inputs that ran ahead of their partition's slowest by more than the bounds."""
        alignment = self._settings.alignment
        held = set()
        for number, owned in self._owned.items():
            timeline = owned.life.timeline
            for source in Input:
                ahead = timeline.ahead_seconds(source)
                waiting = timeline.waiting_bytes(source)
                if ahead > alignment.ahead_seconds or (
                    ahead > 0 and waiting > alignment.ahead_bytes / len(Input)
                ):
                    held.add(TP(self._names[source], number))
        return held

    # --- checkpoints ------------------------------------------------------------------------------

    async def checkpoint(self) -> None:
        """Move the watermarks of inputs at their ends, decide what fell due, and commit it all."""
        if self._paused:
            return
        try:
            await asyncio.gather(*(self._checkpoint(owned) for owned in list(self._owned.values())))
            self._hold_ahead()
            lives = [o.life for o in self._owned.values() if not o.life.recovering]
            ends = {(s, life.number): self._end(s, life) for life in lives for s in Input}
            self._observer.looked(lives, ends)
        except Exception as error:  # noqa: BLE001 (whatever it is, the process ends)
            self._fail(error)

    async def last_checkpoint(self) -> None:
        """Commit what was done, then nothing until the rebalance is over (or for good)."""
        if self._paused:
            return
        self._paused = True
        bound = LAST_COMMIT_SHARE * self._settings.kafka.session_timeout_seconds
        try:
            async with asyncio.timeout(bound):
                await asyncio.gather(*(self._commit(owned) for owned in list(self._owned.values())))
        except Exception as error:  # noqa: BLE001 (whatever it is, the process ends)
            self._fail(error)

    async def stop(self) -> None:
        """Commit, then close the producers; a rebalance that is under way comes first."""
        async with self._moving:
            self._ended = True
            await self.last_checkpoint()
            for owned in self._owned.values():
                await owned.producer.stop()
            self._owned.clear()

    async def _checkpoint(self, owned: _Owned) -> None:
        if owned.saving.locked():
            return  # the last one is still on its way; the next tick takes both
        life = owned.life
        if not life.recovering:
            await self._bind_erasures(life)
            if self._paused:
                return  # a rebalance, or the end, began meanwhile
            wall = None if self._settings.clock == "event" else time.time()
            life.tick([s for s in Input if self._is_at_end(s, life)], wall)
            await self._commit(owned)

    async def _bind_erasures(self, life: PartitionLife) -> None:
        """Whoever is to be erased goes once everything is applied that the inputs hold now."""
        new = life.customers.unbound() if life.customers is not None else []
        if new:
            tps = {s: TP(self._names[s], life.number) for s in Input}
            try:
                ends = await self._ends_now(tps.values())
            except Exception:  # whatever a consumer says that is being stopped
                if not self._paused:
                    raise
                return  # nothing is lost: whoever goes on reads them again
            for one in new:
                one.until = {source: ends[tp] for source, tp in tps.items()}

    def _is_at_end(self, source: Input, life: PartitionLife) -> bool:
        end = self._end(source, life)
        return end is not None and life.position(source) >= end

    def _end(self, source: Input, life: PartitionLife) -> int | None:
        return self._end_offset(TP(self._names[source], life.number))

    async def _commit(self, owned: _Owned) -> None:
        async with owned.saving:
            life = owned.life
            if life.recovering or self._owned.get(life.number) is not owned:
                return
            started = time.monotonic()
            time_ms = int(time.time() * 1000)
            snapshot = life.snapshot(time_ms)
            if snapshot is None:
                return
            outgoing = self._publisher.outgoing(life, snapshot)
            positions: dict[Any, int] = {
                TopicPartition(self._names[source], life.number): offset
                for source, offset in snapshot.positions.items()
            }
            if (passed := snapshot.customers) is not None:
                positions[TopicPartition(passed.topic, life.number)] = passed.position
            await owned.producer.commit(outgoing, positions, time_ms)
            self._commits += 1
            owned.saved_at = time.time()
            self._observer.committed(snapshot, time.monotonic() - started)
