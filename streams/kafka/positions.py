"""Where a partition goes on: the group's committed offsets, or else the log's start."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, GroupLoadInProgressError
from aiokafka.structs import OffsetAndMetadata

COORDINATOR_SECONDS = 15.0  # a broker that needs longer to make one internal topic is not well


async def starting_positions(
    options: Mapping[str, Any], group: str, tps: Iterable[TopicPartition]
) -> dict[TopicPartition, tuple[int, bool]]:
    """For each partition, the next offset to read and whether the group had committed it.

    Call it after fencing: a transaction that is still open would hide its offsets.
    """
    wanted = list(tps)
    if not wanted:
        return {}
    committed = await committed_offsets(options, group)
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


async def committed_offsets(
    options: Mapping[str, Any], group: str
) -> Mapping[TopicPartition, OffsetAndMetadata]:
    """What the group has committed, by partition.

    A fresh broker makes its offsets topic when it is first asked and has no coordinator until then,
    so this asks again for a while.
    """
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        async with asyncio.timeout(COORDINATOR_SECONDS):
            while True:
                try:
                    offsets = await admin.list_consumer_group_offsets(group)
                except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError):
                    await asyncio.sleep(0.1)
                else:
                    return cast(Mapping[TopicPartition, OffsetAndMetadata], offsets)
    finally:
        await admin.close()
