"""Events into the input topics, a whole record batch a partition at once.

The key is the customer's id; the partition is murmur2 of it, as Java's producer and aiokafka's
place it, so that a customer's events are together and the inputs are co-partitioned. `send_batch`
costs about 2 µs an event; `send`, which makes a future each, some 40.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder

from detectors.observations import Input
from streams.errors import BrokerError, TopicsError
from streams.kafka.connection import client_options
from streams.settings import Settings
from streams.sources.lines import Lines

_BATCH_BYTES = 256 << 10  # a few thousand events; a broker takes up to 1 MiB
_WAITING = 64  # batches on their way before the sender waits for them: 16 MiB at most


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that holds this key, in a topic with so many partitions."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


async def _check_topics(options: Mapping[str, Any], topics: Iterable[str]) -> None:
    """A producer would ask for a topic that is missing for 40 seconds, and then not name it."""
    admin = AIOKafkaAdminClient(**options)
    try:
        await admin.start()
        missing = sorted(set(topics) - set(await admin.list_topics()))
    finally:
        await admin.close()
    if missing:
        raise TopicsError(
            f"topics are missing: {', '.join(missing)}",
            where=str(options["bootstrap_servers"]),
            remedy="Create all of them: offbeat topics create.",
        )


class Sender:
    """Sends `Lines` to the four input topics; use it as an asynchronous context.

    Raises:
        BrokerError: no broker answers, or it did not take a batch.
        TopicsError: a topic is missing.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topics = settings.topics.inputs
        self._partitions: list[int] = []
        self._places: list[dict[bytes, int]] = [{} for _ in Input]
        self._deliveries: list[asyncio.Future[Any]] = []

    async def __aenter__(self) -> Self:
        # it warns of every retry; what fails for good is raised here
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        options = client_options(self._settings)
        try:
            await _check_topics(options, self._topics)
        except KafkaError as error:
            raise self._unreachable(error) from error
        self._producer = AIOKafkaProducer(
            **options,
            acks="all",
            enable_idempotence=True,
            max_batch_size=_BATCH_BYTES,
        )
        await self._producer.start()
        counts = [await self._producer.partitions_for(topic) for topic in self._topics]
        self._partitions = [len(numbers) for numbers in counts]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                await self.flush()
        finally:
            await self._producer.stop()

    async def send(self, lines: Iterable[Lines]) -> None:
        """Hand the events over, in their order; waits while too many batches are on their way."""
        try:
            for line in lines:
                await self._send(line)
        except KafkaError as error:
            raise self._unreachable(error) from error
        if len(self._deliveries) >= _WAITING:
            await self.flush()

    async def flush(self) -> None:
        """Return when the broker has everything that was sent."""
        waiting, self._deliveries = self._deliveries, []
        try:
            await asyncio.gather(*waiting)
        except KafkaError as error:
            raise self._unreachable(error) from error

    async def _send(self, line: Lines) -> None:
        topic, partitions = self._topics[line.source], self._partitions[line.source]
        places = self._places[line.source]
        batches: dict[int, BatchBuilder] = {}
        for key, value in zip(line.keys, line.values, strict=True):
            place = places.get(key)
            if place is None:
                place = places[key] = partition_of(key, partitions)
            batch = batches.get(place)
            if batch is None:
                batch = batches[place] = self._producer.create_batch()
            # the record's own time is the time of sending: retention counts from it
            if batch.append(key=key, value=value, timestamp=None) is None:
                await self._submit(batch, topic, place)
                batch = batches[place] = self._producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
        for place, batch in batches.items():
            await self._submit(batch, topic, place)

    async def _submit(self, batch: BatchBuilder, topic: str, partition: int) -> None:
        self._deliveries.append(await self._producer.send_batch(batch, topic, partition=partition))

    def _unreachable(self, error: KafkaError) -> BrokerError:
        return BrokerError(
            f"the broker does not take events: {error}",
            where=self._settings.broker,
            remedy="Is it running, and reachable from here? OFFBEAT_BROKER or --broker say where.",
        )
