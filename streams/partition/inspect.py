"""One customer's row, read from the changelog. For looking at, not to go on working with."""

from typing import NamedTuple

import numpy as np
from aiokafka import AIOKafkaConsumer, TopicPartition

from detectors.profile import Profile
from detectors.state import CustomerState
from schemas.changelog import PARTITION_KEY, decode_partition, read_prefix
from schemas.topics import OutputTopics
from streams.errors import InputError
from streams.kafka.connection import client_options
from streams.kafka.topics import check
from streams.partition.changelog import as_current, layout_dtype
from streams.settings import Settings, detector_profile
from streams.sources.kafka import partition_of

_WAIT_MS = 500


class Read(NamedTuple):
    """A customer's row, the watermark of their partition, and the profile that held then."""

    row: np.void
    watermark: float
    profile: Profile


async def read_customer(settings: Settings, customer_id: bytes) -> Read:
    """What was last committed of a customer.

    Reads a whole partition of the changelog.

    Raises:
        InputError: no worker has committed such a customer.
        BrokerError: no broker answers.
        StateError: a newer offbeat wrote the row.
    """
    topic = OutputTopics(settings.topics.prefix).state_changelog
    described = (await check(settings))[0].get(topic)
    newest: dict[bytes, bytes | None] = {}
    if described is not None:
        tp = TopicPartition(topic, partition_of(customer_id, described.partitions))
        newest = await _newest(settings, tp, {customer_id, PARTITION_KEY})
    value, own = newest.get(customer_id), newest.get(PARTITION_KEY)
    record = decode_partition(own) if own is not None else None
    if value is None or record is None or record.watermark is None:
        raise InputError(
            f"no worker has committed a customer {customer_id.decode()}",
            where=f"{topic} on {settings.broker}",
            remedy="An id is written exactly as in customer_id. --from explains from files.",
        )
    found = read_prefix(value)
    rows = np.frombuffer(value, layout_dtype(found.layout), count=1, offset=found.start)
    state = CustomerState(detector_profile(settings), 1)
    state.restore_population(record.population)
    return Read(as_current(rows)[0], record.watermark, state.profile_in_effect)


async def _newest(
    settings: Settings, tp: TopicPartition, keys: set[bytes]
) -> dict[bytes, bytes | None]:
    """The newest committed value of each key; None where that is a tombstone."""
    consumer = AIOKafkaConsumer(
        **client_options(settings), isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await consumer.start()
    newest: dict[bytes, bytes | None] = {}
    try:
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        while await consumer.position(tp) < end:
            for records in (await consumer.getmany(timeout_ms=_WAIT_MS)).values():
                newest |= {r.key: r.value for r in records if r.key in keys}
    finally:
        await consumer.stop()
    return newest
