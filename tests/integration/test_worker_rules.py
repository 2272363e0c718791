"""Rules of docs/rules.md that only show in a worker of its own process."""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress

import orjson
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from benchmarks.harness import (
    Worker,
    committed,
    create_topics,
    environment,
    named,
    read_all,
    wait_until_at_the_end,
    wait_until_consumed,
    workers,
)
from schemas.changelog import PARTITION_KEY, decode_partition
from schemas.topics import OutputTopics
from streams.errors import GapError, TransactionError
from streams.kafka.fault_points import VARIABLE
from streams.kafka.positions import committed_offsets
from streams.ops import logs
from streams.settings import Settings
from streams.sources.kafka import partition_of
from tests.functional.fetching import purchase

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PARTITIONS = 2
FIELDS: tuple[dict[str, object], ...] = (
    {"amount": 10.0, "currency": "EUR"},
    {"kind": "session"},
    {"status": "paid"},
    {"kind": "opened"},
)
EACH = len(FIELDS)  # events a number


@pytest.fixture
async def settings(broker: str) -> Settings:
    name = f"rules-{uuid.uuid4().hex[:8]}"
    settings = named(broker, name, clock="event", partitions=PARTITIONS)
    await create_topics(settings)
    return settings


MINUTE = 1 / 1440  # in days: events so close that nothing is learnt from them


async def send(
    settings: Settings, numbers: range, days: float = MINUTE, **options: str
) -> AIOKafkaProducer:
    """An event of each input a number, so many days apart, of customers of both partitions.

    Within a transaction that is named, it stays open, and so does the producer.
    """
    producer = AIOKafkaProducer(bootstrap_servers=settings.broker, **options)
    await producer.start()
    if options:
        await producer.begin_transaction()
    waiting = []
    for number in numbers:
        bought = purchase(f"c-{number % 20}", number, number * days)
        key = str(bought["customer_id"]).encode()
        partition = partition_of(key, PARTITIONS)
        common = {name: bought[name] for name in ("event_id", "customer_id", "event_time")}
        for topic, fields in zip(settings.topics.inputs, FIELDS, strict=True):
            value = orjson.dumps(common | fields)
            waiting.append(await producer.send(topic, value, key=key, partition=partition))
    await asyncio.gather(*waiting)
    if not options:
        await producer.stop()
    return producer


async def applied(settings: Settings) -> int:
    """Events that count, by the partitions' own records."""
    topic = OutputTopics(settings.topics.prefix).state_changelog
    newest = {
        r.partition: r.value for r in await read_all(settings, topic) if r.key == PARTITION_KEY
    }
    counts = [decode_partition(value).population["applied"] for value in newest.values()]
    return int(sum(sum(count) if isinstance(count, list) else count for count in counts))


def recovered(worker: Worker) -> list[int]:
    """Customers in the state of each partition that it has read back so far, in that order."""
    with suppress(FileNotFoundError):
        lines = worker.log_path.read_bytes().splitlines()
        told = [orjson.loads(x) for x in lines if logs.PARTITION_RECOVERED.encode() in x]
        return [one["customers"] for one in told]
    return []


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not reached():
            await asyncio.sleep(0.2)


async def test_what_was_taken_back_or_is_still_open_is_never_counted(settings: Settings) -> None:
    done = await send(settings, range(100), transactional_id=f"{settings.group}-done")
    await done.commit_transaction()
    back = await send(settings, range(100, 150), transactional_id=f"{settings.group}-back")
    await back.abort_transaction()
    await send(settings, range(150, 200))
    still = await send(settings, range(200, 250), transactional_id=f"{settings.group}-open")
    worker = Worker(settings.group, environment(settings))
    try:
        with workers(worker):
            async with asyncio.timeout(60):
                while await applied(settings) < 140 * EACH:
                    await asyncio.sleep(0.2)
            await asyncio.sleep(1.0)
            # the last event of each log waits: what is open may still be of its time
            assert 140 * EACH <= await applied(settings) < 150 * EACH
            await still.abort_transaction()
            await wait_until_at_the_end(settings, [worker], 60)
            await asyncio.sleep(1.0)
            assert worker.stop() == 0
        assert await applied(settings) == 150 * EACH
    finally:
        for producer in (done, back, still):
            await producer.stop()


async def test_nothing_but_a_transaction_commits_and_the_last_one_is_at_the_rebalance(
    settings: Settings,
) -> None:
    """One worker that never saves by itself; another one comes, and goes again."""
    await send(settings, range(200))
    session = {"kafka_session_timeout_seconds": "6"}
    seldom = environment(settings, checkpoint_seconds="600", **session)
    first = Worker(f"{settings.group}-1", seldom)
    second = Worker(f"{settings.group}-2", environment(settings, **session))
    with workers(first):
        await until(lambda: len(recovered(first)) == PARTITIONS)
        await asyncio.sleep(5.0)  # Faust would commit what is acknowledged every 2.8 s
        assert await committed(settings) == 0
        with workers(second):
            await until(lambda: len(recovered(second)) > 0)
            # what the first one did is saved: there are customers to read back
            assert all(customers > 0 for customers in recovered(second))
            await asyncio.sleep(2.0)
            assert second.stop() == 0
        # what the second one had comes back to the first, which reads its state from the start
        await until(lambda: len(recovered(first)) > PARTITIONS or not first.running)
        assert all(customers > 0 for customers in recovered(first)[PARTITIONS:])
        assert first.stop() == 0
    await send(settings, range(200, 300))
    final = Worker(f"{settings.group}-3", environment(settings))
    with workers(final):
        await wait_until_at_the_end(settings, [final], 60)
        await asyncio.sleep(1.0)
        assert final.stop() == 0
    assert await applied(settings) == 300 * EACH


async def test_what_has_no_committed_position_is_read_from_its_start_after_a_rebalance(
    settings: Settings,
) -> None:
    """The trainer's examples: what was fetched of them is dropped, and nothing says where to go."""
    await send(settings, range(600), days=0.5)
    session = {"kafka_session_timeout_seconds": "6"}
    never = environment(settings, checkpoint_seconds="600", **session)
    first = Worker(f"{settings.group}-1", never)
    second = Worker(f"{settings.group}-2", never)
    with workers(first):
        await until(lambda: len(recovered(first)) == PARTITIONS)
        await asyncio.sleep(3.0)
        for _ in range(2):  # at the first rebalance there are examples, at the second they are read
            with workers(second):
                await until(lambda: not first.running or len(recovered(second)) > 0)
                await asyncio.sleep(3.0)
                assert second.stop() == 0
            assert first.running, f"see {first.log_path}"
        assert first.stop() == 0
    outputs = OutputTopics(settings.topics.prefix)
    assert await read_all(settings, outputs.examples)


async def test_events_that_retention_deleted_unread_end_the_worker(settings: Settings) -> None:
    await send(settings, range(200))
    worker = Worker(settings.group, environment(settings))
    with workers(worker):
        await wait_until_consumed(settings, 200 * EACH, [worker], 60)
        assert worker.stop() == 0
        await send(settings, range(200, 400))
        tp = TopicPartition(settings.topics.purchases, 0)
        options = {"bootstrap_servers": settings.broker}
        position = (await committed_offsets(options, settings.group))[tp].offset
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.broker)
        await admin.start()
        try:
            await admin.delete_records({tp: RecordsToDelete(position + 5)})
        finally:
            await admin.close()
        worker.start()
        assert worker.wait(60) == GapError.exit_code
    text = worker.log_path.read_text()
    assert f"next offset to read is {position}, the fetch starts at {position + 5}" in text


async def test_a_failure_in_a_transaction_ends_the_worker_and_saves_nothing(
    settings: Settings,
) -> None:
    await send(settings, range(200))
    worker = Worker(settings.group, environment(settings))
    with workers(worker):
        worker.stop()
        worker.start(**{VARIABLE: "before_offsets:1:fail"})
        assert worker.wait(60) == TransactionError.exit_code
        assert (await committed(settings), await applied(settings)) == (0, 0)
        worker.start()
        await wait_until_consumed(settings, 200 * EACH, [worker], 60)
        await asyncio.sleep(1.0)
        assert worker.stop() == 0
    assert await applied(settings) == 200 * EACH
