"""Columns from Apache Kafka itself: every codec, transactions that commit and that do not."""

import asyncio
import itertools
import uuid
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.errors import FencedError
from streams.kafka import columns, fetcher
from streams.kafka.batches import row_batches
from streams.kafka.columns import Fetched
from streams.kafka.producer import Message, Outgoing, PartitionProducer
from tests.integration.owning import columnar

pytestmark = pytest.mark.integration


@pytest.fixture
async def partition(broker: str) -> TopicPartition:
    """A partition of a topic of the test's own."""
    topic = f"columns-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()
    return TopicPartition(topic, 0)


async def read(consumer: AIOKafkaConsumer, partition: TopicPartition) -> list[Fetched]:
    end = (await consumer.end_offsets([partition]))[partition]
    fetches: list[Fetched] = []
    while not fetches or fetches[-1].after < end:
        got = await asyncio.wait_for(consumer.getmany(timeout_ms=1000), 10)
        fetches += got.get(partition, [])
    return fetches


def values(fetches: list[Fetched]) -> list[bytes]:
    return [
        f.data[row[columns.VALUE_START] : row[columns.VALUE_END]]
        for f in fetches
        for row in f.columns
    ]


async def send(broker: str, partition: TopicPartition, what: list[bytes], **options: Any) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker, **options)
    await producer.start()
    try:
        await asyncio.gather(
            *[await producer.send(partition.topic, v, key=b"k", partition=0) for v in what]
        )
    finally:
        await producer.stop()


@pytest.mark.parametrize("codec", [None, "gzip", "snappy", "lz4", "zstd"])
async def test_every_codec_of_kafka_is_read(
    broker: str, partition: TopicPartition, codec: str | None
) -> None:
    sent = [b"%d" % i * 20 for i in range(500)]
    await send(broker, partition, sent, compression_type=codec)
    async with columnar(broker, partition) as consumer:
        fetches = await read(consumer, partition)
    assert values(fetches) == sent
    assert fetches[0].first == 0
    assert all(a.after == b.first for a, b in itertools.pairwise(fetches))


async def test_aborted_transactions_and_control_records_leave_no_gap(
    broker: str, partition: TopicPartition
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker, transactional_id=partition.topic)
    await producer.start()
    try:
        for i, commit in enumerate([True, False, True, False, True]):
            await producer.begin_transaction()
            await producer.send_and_wait(partition.topic, b"%d" % i, partition=0)
            await (producer.commit_transaction() if commit else producer.abort_transaction())
    finally:
        await producer.stop()
    async with columnar(broker, partition) as consumer:
        fetches = await read(consumer, partition)
    assert values(fetches) == [b"0", b"2", b"4"]
    assert (fetches[0].first, fetches[-1].after) == (0, 10)


async def test_fetches_are_prepared_in_their_order(broker: str, partition: TopicPartition) -> None:
    made: list[int] = []

    def note(tp: TopicPartition, fetched: Fetched) -> Fetched:
        assert tp == partition
        made.append(fetched.after)
        return replace(fetched, made=len(made))

    async with columnar(broker, partition, note) as consumer:
        for value in (b"a", b"b"):
            await send(broker, partition, [value])
            assert values(got := await read(consumer, partition))[-1:] == [value]
            assert got[-1].made == len(made)
    assert made == sorted(made)


async def test_what_goes_wrong_in_preparing_is_told_to_whoever_asks_for_records(
    broker: str, partition: TopicPartition
) -> None:
    def refuse(_tp: TopicPartition, _fetched: Fetched) -> Fetched:
        raise ZeroDivisionError("in preparing")

    await send(broker, partition, [b"a"])
    async with columnar(broker, partition, refuse) as consumer:
        with pytest.raises(ZeroDivisionError, match="in preparing"):
            await read(consumer, partition)


async def test_another_consumer_in_the_process_still_gets_plain_records(
    broker: str, partition: TopicPartition
) -> None:
    fetcher.install()
    await send(broker, partition, [b"plain"])
    consumer = AIOKafkaConsumer(
        partition.topic, bootstrap_servers=broker, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        record = await asyncio.wait_for(consumer.getone(), 10)
    finally:
        await consumer.stop()
    assert (record.key, record.value, record.offset) == (b"k", b"plain", 0)


async def test_a_partitions_transaction_is_all_or_nothing_and_a_new_owner_fences_the_old(
    broker: str, partition: TopicPartition
) -> None:
    keys, ends = np.frombuffer(b"c-1c-2", np.uint8), np.array([0, 3, 6])
    rows = np.array([0, 1], np.int32)
    batches = list(row_batches(rows, keys, ends, b"v", np.full((2, 4), 7, np.uint8), 0))
    out = [Outgoing(partition.topic, 0, [Message(b"k", b"m", (("h", b"x"),))], batches)]
    options = {"bootstrap_servers": broker}
    first = PartitionProducer(partition.topic, "0", options)
    second = PartitionProducer(partition.topic, "0", options)
    await first.start()
    await first.commit(out, {partition: 1}, 0)
    await second.start()
    with pytest.raises(FencedError, match="another worker owns"):
        await first.commit(
            [Outgoing(partition.topic, 0, [Message(None, b"zombie")])], {partition: 9}, 0
        )
    await second.commit([Outgoing(partition.topic, 0, [Message(None, b"new")])], {partition: 2}, 0)
    await first.stop()
    await second.stop()
    async with columnar(broker, partition) as consumer:
        assert values(await read(consumer, partition)) == [b"m", b"v\7\7\7\7", b"v\7\7\7\7", b"new"]
