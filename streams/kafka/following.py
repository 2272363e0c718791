"""A topic read from its start and followed, for people who look on: what is committed, no group."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.kafka.connection import client_options
from streams.kafka.topics import partition_counts
from streams.settings import Settings


class Following:
    """`following` makes one."""

    def __init__(self, consumer: AIOKafkaConsumer, tps: list[TopicPartition]) -> None:
        self._consumer = consumer
        self._tps = tps

    async def records(self, seconds: float) -> list[Any]:
        """What came within so many seconds, as aiokafka's ConsumerRecord."""
        fetched = await self._consumer.getmany(timeout_ms=int(seconds * 1000))
        return [record for records in fetched.values() for record in records]

    async def is_at_the_end(self) -> bool:
        """Whether everything that is committed now has been given out."""
        ends = await self._consumer.end_offsets(self._tps)
        positions = [await self._consumer.position(tp) for tp in self._tps]
        return all(at >= ends[tp] for tp, at in zip(self._tps, positions, strict=True))


@asynccontextmanager
async def following(settings: Settings, topic: str) -> AsyncIterator[Following]:
    """All partitions of a topic, from the start.

    Raises:
        BrokerError: no broker answers.
        TopicsError: the topic is missing.
    """
    count = (await partition_counts(settings, [topic]))[topic]
    consumer = AIOKafkaConsumer(
        **client_options(settings),
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        tps = [TopicPartition(topic, number) for number in range(count)]
        consumer.assign(tps)
        yield Following(consumer, tps)
    finally:
        await consumer.stop()
