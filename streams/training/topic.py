"""Reading the model topic: one partition, committed records only, no group.

Versions of the model lie beside what the trainer keeps for refits, and its proposal; keys tell.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from schemas import proposals, samples

# How long one poll waits for more; `stop` does not wait for it, since it cancels.
POLL_MS = 500


@asynccontextmanager
async def reader(options: Mapping[str, Any]) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that nothing is assigned to yet, see `read_to_end`.

    `options`: those of any client.
    """
    consumer = AIOKafkaConsumer(
        **options,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def poll(consumer: AIOKafkaConsumer) -> list[ConsumerRecord[bytes, bytes]]:
    """What has come since the last poll, tombstones included."""
    fetched = await consumer.getmany(timeout_ms=POLL_MS)
    return [record for records in fetched.values() for record in records]


async def read_to_end(consumer: AIOKafkaConsumer, topic: str) -> list[ConsumerRecord[bytes, bytes]]:
    """All records up to the last one that was committed when this was called.

    Afterwards the consumer is assigned the topic's only partition, and stands there.
    """
    partition = TopicPartition(topic, 0)
    # asked before the first fetch, which the answers would have to wait for
    begin = (await consumer.beginning_offsets([partition]))[partition]
    end = (await consumer.end_offsets([partition]))[partition]
    consumer.assign([partition])
    consumer.seek(partition, begin)
    records: list[ConsumerRecord[bytes, bytes]] = []
    while await consumer.position(partition) < end:
        records.extend(await poll(consumer))
    return records


def is_version(key: bytes | None) -> bool:
    """Whether a record of this key is a version of the model."""
    return not (key in (proposals.KEY, samples.SAMPLING_KEY) or samples.is_customer_key(key))
