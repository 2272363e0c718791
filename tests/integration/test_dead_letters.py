"""Records that cannot be used, on Apache Kafka: the limit that stops a worker, and what lies in a
partition that is not its key's.
"""

import asyncio
import signal
import uuid
from collections import Counter

import orjson
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from benchmarks.harness import (
    Worker,
    committed,
    create_topics,
    ends,
    environment,
    named,
    read_all,
    wait_until_at_the_end,
    wait_until_consumed,
    workers,
)
from schemas.changelog import PARTITION_KEY, PartitionRecord, decode_partition
from schemas.reroutes import REROUTED
from schemas.topics import OutputTopics, dead_letter_topic
from streams.errors import DeadLettersError
from streams.kafka.positions import committed_offsets
from streams.settings import Settings
from streams.sources.kafka import partition_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PARTITIONS = 4
DAY_MS = 86_400_000
START_MS = 1_767_225_600_000  # 2026-01-01


@pytest.fixture
def settings(broker: str) -> Settings:
    return named(broker, f"letters-{uuid.uuid4().hex[:8]}", clock="event", partitions=PARTITIONS)


def purchase(customer: str, number: int, **fields: object) -> bytes:
    return orjson.dumps(
        {
            "event_id": f"{customer}-{number}",
            "customer_id": customer,
            "event_time": START_MS + number * DAY_MS,
            "amount": 10.0,
            "currency": "EUR",
            **fields,
        }
    )


async def send(settings: Settings, records: list[tuple[int, bytes, bytes]]) -> None:
    """(partition, key, value) to the purchases, as somebody else's producer would."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.broker)
    await producer.start()
    try:
        topic = settings.topics.purchases
        waiting = [
            await producer.send(topic, value, key=key, partition=partition)
            for partition, key, value in records
        ]
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()


async def positions(settings: Settings) -> dict[int, int]:
    """Where the group stands in the purchases."""
    options = {"bootstrap_servers": settings.broker}
    found = await committed_offsets(options, settings.group)
    return {
        tp.partition: where.offset
        for tp, where in found.items()
        if tp.topic == settings.topics.purchases
    }


async def newest_records(settings: Settings) -> list[PartitionRecord]:
    """The partitions' own records, as they were committed last."""
    topic = OutputTopics(settings.topics.prefix).state_changelog
    newest = {
        r.partition: r.value for r in await read_all(settings, topic) if r.key == PARTITION_KEY
    }
    return [decode_partition(value) for value in newest.values()]


def counted(records: list[PartitionRecord], name: str) -> int:
    columns = [record.population[name] for record in records]
    return int(sum(sum(c) if isinstance(c, list) else c for c in columns))


async def test_a_wrong_schema_stops_the_worker_before_it_drains_the_topic(
    settings: Settings,
) -> None:
    await create_topics(settings)
    wrong = [purchase(f"c-{i}", i, amount="much") for i in range(6000)]
    records = [(0, b"c-%d" % i, value) for i, value in enumerate(wrong)]
    dlq = dead_letter_topic(settings.topics.purchases)
    worker = Worker(settings.group, environment(settings))
    await send(settings, records[:300])
    with workers(worker):
        await wait_until_at_the_end(settings, [worker], 60)  # so many are nothing to stop for
        await send(settings, records[300:])
        assert worker.wait(60) == DeadLettersError.exit_code
        before = await positions(settings)
        for _ in range(2):  # a supervisor starts it again
            worker.stop()
            worker.start()
            assert worker.wait(60) == DeadLettersError.exit_code
    assert 300 <= len(await read_all(settings, dlq)) <= 500
    assert await positions(settings) == before
    assert 300 <= before[0] <= 500
    text = worker.log_path.read_text()
    assert "of the last 1000 records are dead letters" in text
    assert "wrong_type at $.amount" in text
    assert "OFFBEAT_DLQ_LIMIT=0" in text
    on = Worker(settings.group, environment(settings, dlq_limit="0"))
    with workers(on):
        await wait_until_consumed(settings, 6000, [on], 60)
        assert on.stop() == 0
    assert [r.value for r in await read_all(settings, dlq)] == wrong


async def test_events_in_a_wrong_partition_are_applied_once_in_the_right_one(
    settings: Settings,
) -> None:
    await create_topics(settings)
    customers, each = [f"c-{i}" for i in range(200)], 30
    events = [(c, n) for n in range(each) for c in customers]
    # as arbitrary as by librdkafka's CRC-32: by the id's length
    records = [(len(c) % PARTITIONS, c.encode(), purchase(c, n)) for c, n in events]
    astray = sum(partition_of(key, PARTITIONS) != where for where, key, _ in records)
    assert astray > len(records) / 2
    await send(settings, records)
    worker = Worker(settings.group, environment(settings))
    with workers(worker):
        async with asyncio.timeout(60):
            while await committed(settings) == 0:
                await asyncio.sleep(0.05)
        worker.signal(signal.SIGKILL)
        worker.wait(10)
        worker.stop()
        worker.start()
        await wait_until_at_the_end(settings, [worker], 120)
        await asyncio.sleep(1)
        await wait_until_at_the_end(settings, [worker], 60)
        assert worker.stop() == 0
    found = await read_all(settings, settings.topics.purchases)
    sent_on = [r for r in found if REROUTED in dict(r.headers)]
    assert len(sent_on) == astray
    assert all(partition_of(r.key, PARTITIONS) == r.partition for r in sent_on)
    assert Counter(r.value for r in sent_on).most_common(1)[0][1] == 1
    last = await newest_records(settings)
    assert counted(last, "applied") == len(records)
    assert counted(last, "duplicates") == 0
    assert sum(record.customers for record in last) == len(customers)
    assert await read_all(settings, dead_letter_topic(settings.topics.purchases)) == []


async def test_with_any_partitioner_nothing_is_sent_on(settings: Settings) -> None:
    await create_topics(settings)
    await send(settings, [(i % PARTITIONS, b"c-1", purchase("c-1", i)) for i in range(PARTITIONS)])
    worker = Worker(settings.group, environment(settings, topics_partitioner="any"))
    with workers(worker):
        await wait_until_at_the_end(settings, [worker], 60)
        assert worker.stop() == 0
    end = await ends(settings, [settings.topics.purchases])
    assert set(end.values()) == {1}
    assert end.keys() == {TopicPartition(settings.topics.purchases, n) for n in range(PARTITIONS)}


async def test_each_group_sends_on_for_itself_and_passes_over_what_others_sent_on(
    settings: Settings,
) -> None:
    await create_topics(settings)
    events = [(f"c-{i % 30}", i) for i in range(300)]
    await send(settings, [(0, c.encode(), purchase(c, n)) for c, n in events])
    astray = sum(partition_of(c.encode(), PARTITIONS) != 0 for c, _ in events)
    other = named(
        settings.broker,
        f"{settings.group}-b",
        inputs=settings.group,
        clock="event",
        partitions=PARTITIONS,
    )
    await create_topics(other)
    for one in (settings, other):  # the second finds the originals and the first one's copies
        worker = Worker(one.group, environment(one))
        with workers(worker):
            await wait_until_at_the_end(one, [worker], 60)
            assert worker.stop() == 0
        last = await newest_records(one)
        assert counted(last, "applied") == len(events)
        assert counted(last, "duplicates") == 0
    assert len(await read_all(settings, settings.topics.purchases)) == len(events) + 2 * astray
