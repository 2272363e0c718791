"""A partition's owner in the test's own process, on Apache Kafka; instead of ending it raises."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NoReturn

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from faust.types.tuples import TP
from prometheus_client import CollectorRegistry

from benchmarks.harness import read_all
from detectors.learning.scorer import Scorer
from detectors.observations import Input
from schemas.topics import OutputTopics
from streams.kafka import fetcher
from streams.kafka.columns import Fetched
from streams.kafka.positions import committed_offsets
from streams.ops.health import Health
from streams.ops.metrics import Metrics
from streams.ops.observer import Observer
from streams.partition.life import PartitionLife
from streams.partition.owner import PartitionOwner
from streams.partition.publish import Publisher
from streams.settings import Settings
from tests.functional.fetching import fetch, purchase


class EndedError(Exception):
    """The process would be gone; why is its cause."""


class Owning:
    """What Faust's side does with an owner, by hand."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.ends: dict[tuple[str, int], int] = {}
        self.held: set[TP] = set()
        self.owner = PartitionOwner(
            settings,
            Publisher(settings, lambda _: Scorer()),
            Observer(settings, Metrics(CollectorRegistry()), Health(60.0, 0.0)),
            end_offset=lambda tp: self.ends.get((tp.topic, tp.partition)),
            ends_now=self._no_ends,
            hold=self._hold,
            fail=self._end,
        )

    async def _no_ends(self, _: Collection[TP]) -> Mapping[TP, int]:
        raise AssertionError("nobody is erased here")

    def _hold(self, tps: set[TP]) -> None:
        self.held = tps

    def _end(self, error: BaseException) -> NoReturn:
        raise EndedError(str(error)) from error

    def tps(self, *numbers: int) -> set[TP]:
        return {TP(name, number) for name in self.settings.topics.inputs for number in numbers}

    async def assign(self, *new: int, gone: Sequence[int] = (), recover: bool = True) -> None:
        """A rebalance and, unless told otherwise, the recovery that follows it."""
        await self.owner.rebalance(self.tps(*gone), self.tps(*new))
        if recover:
            for number in new:
                self.owner.restore(number, await self.changelog(number))
            self.owner.recovered(set(new))

    def take(
        self, events: Sequence[dict[str, object] | bytes], first: int, number: int = 0
    ) -> None:
        """A fetch of purchases."""
        self.owner.take(Input.PURCHASES, number, [fetch(events, first)])

    def at_end(self, number: int = 0) -> None:
        """Everything that was taken of the partition is all that there is."""
        for source, name in zip(Input, self.settings.topics.inputs, strict=True):
            self.ends[name, number] = self.life(number).position(source)

    def life(self, number: int = 0) -> PartitionLife:
        return self.owner._owned[number].life

    async def changelog(self, number: int) -> list[Fetched]:
        """The partition's changelog, from its start to its end, as recovery reads it."""
        topic = OutputTopics(self.settings.topics.prefix).state_changelog
        return await fetched(self.settings.broker, TopicPartition(topic, number))

    async def committed(self, number: int = 0) -> int | None:
        """Where the group stands in the purchases.

        A first commit is answered before its marker is in the group's log: none is looked for
        again for half a second.
        """
        for _ in range(10):
            found = await committed_offsets(
                {"bootstrap_servers": self.settings.broker}, self.settings.group
            )
            where = found.get(TopicPartition(self.settings.topics.purchases, number))
            if where is not None and where.offset >= 0:
                return int(where.offset)
            await asyncio.sleep(0.05)
        return None

    async def written(self) -> list[ConsumerRecord[bytes, bytes]]:
        """What a reader of committed data finds in the changelog."""
        return await read_all(
            self.settings, OutputTopics(self.settings.topics.prefix).state_changelog
        )

    async def close(self) -> None:
        for owned in self.owner._owned.values():
            await owned.producer.stop()


@asynccontextmanager
async def owning(settings: Settings) -> AsyncIterator[Owning]:
    """An owner whose producers are closed at the end, whatever happened to it."""
    one = Owning(settings)
    try:
        yield one
    finally:
        await one.close()


def weekly(count: int = 10, first: int = 0) -> list[dict[str, object]]:
    """One customer's purchases, a week apart; belongs to partition 0 of 2."""
    return [purchase("c-2", i, 7.0 * i) for i in range(first, first + count)]


async def save(one: Owning) -> None:
    """Apply all that was read, and commit it."""
    one.at_end()
    await one.owner.checkpoint()


@asynccontextmanager
async def columnar(broker: str, tp: TopicPartition) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of one partition that gives columns of committed records."""
    fetcher.install()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker,
        value_deserializer=fetcher.Columnar(),
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        consumer.assign([tp])
        yield consumer
    finally:
        await consumer.stop()


async def fetched(broker: str, tp: TopicPartition) -> list[Fetched]:
    """All of a partition, as columns of committed records."""
    async with columnar(broker, tp) as consumer:
        end = (await consumer.end_offsets([tp]))[tp]
        found: list[Fetched] = []
        while end and (not found or found[-1].after < end):
            got = await asyncio.wait_for(consumer.getmany(timeout_ms=1000), 10)
            found += got.get(tp, [])
        return found
