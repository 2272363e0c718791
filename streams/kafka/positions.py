"""Where a partition goes on: the group's committed offsets, or the log's start where there are none."""

from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient


async def starting_positions(
    options: Mapping[str, Any], group: str, tps: Iterable[TopicPartition]
) -> dict[TopicPartition, tuple[int, bool]]:
    """For each partition, the next offset to read and whether the group had committed it.

    Call it after fencing: a transaction that is still open would hide its offsets.
    """
    wanted = list(tps)
    if not wanted:
        return {}
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        committed = await admin.list_consumer_group_offsets(group)
    finally:
        await admin.close()
    found = {
        tp: (committed[tp].offset, True)
        for tp in wanted
        if tp in committed and committed[tp].offset >= 0
    }
    missing = [tp for tp in wanted if tp not in found]
    if missing:
        consumer = AIOKafkaConsumer(**options)
        await consumer.start()
        try:
            starts = await consumer.beginning_offsets(missing)
        finally:
            await consumer.stop()
        found |= {tp: (starts[tp], False) for tp in missing}
    return found
