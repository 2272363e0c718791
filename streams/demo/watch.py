"""What the broker knows: how far the worker's group has come, and which alerts it has committed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from schemas.topics import OutputTopics
from streams.kafka.connection import client_options
from streams.settings import Settings


class Watch:
    """Asks the broker; `watching` makes one. Nothing that it does shows in the worker's group."""

    def __init__(
        self,
        settings: Settings,
        consumer: AIOKafkaConsumer,
        admin: AIOKafkaAdminClient,
        inputs: Sequence[TopicPartition],
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._admin = admin
        self._inputs = inputs

    async def behind(self) -> int:
        """How many records of the inputs the group has not committed yet."""
        ends = await self._consumer.end_offsets(self._inputs)
        committed = await self._admin.list_consumer_group_offsets(self._settings.group)
        reached = {tp: committed[tp].offset if tp in committed else 0 for tp in self._inputs}
        return sum(max(ends[tp] - max(reached[tp], 0), 0) for tp in self._inputs)

    async def alerts(self, seconds: float) -> list[bytes]:
        """Committed alerts that came within so many seconds, as they are on the wire."""
        fetched = await self._consumer.getmany(timeout_ms=int(seconds * 1000))
        values = [record.value for records in fetched.values() for record in records]
        return [value for value in values if value is not None]

    async def remaining_alerts(self) -> list[bytes]:
        """All alerts that are committed now and were not given out before."""
        tps = list(self._consumer.assignment())
        ends = await self._consumer.end_offsets(tps)
        found: list[bytes] = []
        while any([await self._consumer.position(tp) < ends[tp] for tp in tps]):
            found += await self.alerts(0.2)
        return found


@asynccontextmanager
async def watching(settings: Settings) -> AsyncIterator[Watch]:
    """A watch on the group and the alerts of these settings; the topics must be there."""
    options = client_options(settings)
    consumer = AIOKafkaConsumer(
        **options, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    admin = AIOKafkaAdminClient(**options)
    await consumer.start()
    try:
        await admin.start()
        alerts = OutputTopics(settings.topics.prefix).alerts
        topics = {topic["topic"]: topic for topic in await admin.describe_topics()}
        tps = {
            name: [TopicPartition(name, p["partition"]) for p in topics[name]["partitions"]]
            for name in (*settings.topics.inputs, alerts)
        }
        consumer.assign(tps.pop(alerts))
        yield Watch(settings, consumer, admin, [tp for of in tps.values() for tp in of])
    finally:
        await admin.close()
        await consumer.stop()
