"""Logs that are not what they were: a worker notices, names the place, and goes on only when whole.

The broker's own disk is damaged, and its own records are deleted: nothing stands in for Kafka.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import PolicyViolationError

from benchmarks.faults import forked, stream
from benchmarks.harness import (
    Worker,
    create_topics,
    ends,
    environment,
    named,
    read_all,
    wait_until_at_the_end,
    workers,
)
from schemas.changelog import PARTITION_KEY
from schemas.topics import OutputTopics, topic_specs
from streams.errors import CorruptError, StateError
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.columns import HEADER
from streams.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.slow]

# Many small transactions, so that customers have older rows too.
OFTEN = {"checkpoint_seconds": "0.05", "kafka_fetch_partition_bytes": "4096"}
ENDS = 120.0  # seconds that a worker may take to find out, on a busy machine


def worker_of(name: str, settings: Settings, **more: str) -> Worker:
    """Forked from a process that has loaded everything: these tests start many."""
    return Worker(name, environment(settings, **more), forked.launch)


def settings_of(broker: str) -> Settings:
    return named(broker, f"damaged-{uuid.uuid4().hex[:8]}", partitions=1, clock="event")


async def lived(broker: str) -> tuple[Settings, list[ConsumerRecord[bytes, bytes]]]:
    """A run that has come to its end, and the records of its changelog."""
    settings = settings_of(broker)
    await create_topics(settings)
    await stream.send(settings, stream.make(customers=20, seed=3))
    worker = worker_of(settings.group, settings, **OFTEN)
    with workers(worker):
        await wait_until_at_the_end(settings, [worker], ENDS)
        assert worker.stop() == 0
    return settings, await read_all(settings, changelog_of(settings))


def changelog_of(settings: Settings) -> str:
    return OutputTopics(settings.topics.prefix).state_changelog


async def delete(settings: Settings, before: int) -> None:
    """Truncate the changelog's beginning."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.broker)
    await admin.start()
    try:
        name = changelog_of(settings)
        specs = topic_specs(settings.topics.prefix, settings.topics.inputs)
        (spec,) = (spec for spec in specs if spec.name == name)
        # Kafka deletes no records of a topic that is compact alone, which is why it has to be
        for policy in ("delete", spec.cleanup):
            configs = {**spec.config, "cleanup.policy": policy}
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs)])
            if policy == "delete":
                await delete_allowed(admin, TopicPartition(name, 0), before)
    finally:
        await admin.close()


async def delete_allowed(admin: AIOKafkaAdminClient, place: TopicPartition, before: int) -> None:
    async with asyncio.timeout(ENDS):
        while True:
            try:
                await admin.delete_records({place: RecordsToDelete(before_offset=before)})
            except PolicyViolationError:  # the broker has not heard of the new policy yet
                await asyncio.sleep(0.1)
            else:
                return


async def ended(settings: Settings) -> tuple[int | None, str]:
    """How a worker that is started now ends, and what it says."""
    worker = worker_of(f"{settings.group}-again", settings)
    with workers(worker):
        code = await asyncio.to_thread(worker.wait, ENDS)
    return code, worker.log_path.read_text()


async def test_a_changelog_whose_beginning_is_gone_is_refused(broker: str) -> None:
    settings, records = await lived(broker)
    newest = {record.key: record.offset for record in records}
    oldest = min(offset for key, offset in newest.items() if key != PARTITION_KEY)
    await delete(settings, oldest + 1)
    code, said = await ended(settings)
    assert code == StateError.exit_code
    assert "the changelog has no record of them" in said or "customers were read back" in said
    assert "new name to begin anew" in said


async def test_a_changelog_without_its_records_is_refused(broker: str) -> None:
    settings, records = await lived(broker)
    await delete(settings, records[-1].offset + 1)
    code, said = await ended(settings)
    assert code == StateError.exit_code
    assert "the changelog has no record of them" in said


async def test_a_changelog_with_a_gap_is_refused_though_every_customer_is_there(
    broker: str,
) -> None:
    settings, records = await lived(broker)
    counts = Counter(record.key for record in records)
    key = next(key for key, n in counts.most_common() if key != PARTITION_KEY and n > 1)
    newest = max(record.offset for record in records if record.key == key)
    (end,) = (await ends(settings, [changelog_of(settings)])).values()
    await delete(settings, end)
    await append(settings, [record for record in records if record.offset != newest])
    code, said = await ended(settings)
    assert code == StateError.exit_code
    assert "not as they were written: newer rows of some are missing" in said
    await append(settings, [record for record in records if record.offset == newest])
    worker = worker_of(f"{settings.group}-whole", settings)
    with workers(worker):
        await logged(worker, "partition.recovered")
        assert worker.stop() == 0


async def append(settings: Settings, records: list[ConsumerRecord[bytes, bytes]]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=settings.broker)
    await producer.start()
    try:
        for record in records:
            await producer.send_and_wait(record.topic, record.value, record.key, record.partition)
    finally:
        await producer.stop()


async def logged(worker: Worker, event: str) -> None:
    async with asyncio.timeout(ENDS):
        while not worker.log_path.exists() or f'"{event}"' not in worker.log_path.read_text():
            assert worker.running, worker.log_path.read_text()
            await asyncio.sleep(0.05)


# --- damage on the broker's disk ------------------------------------------------------------------


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path) as broker:
        yield broker


@asynccontextmanager
async def filled(broker: EmbeddedBroker) -> AsyncIterator[tuple[Settings, Path]]:
    """Inputs, and the file that the purchases lie in."""
    settings = settings_of(broker.bootstrap)
    await create_topics(settings)
    await stream.send(settings, stream.make(customers=20, seed=3))
    folder = Path(str(broker._folder)) / "data" / f"{settings.topics.purchases}-0"
    yield settings, folder / "00000000000000000000.log"


@contextmanager
def flipped(path: Path) -> Iterator[None]:
    """One bit of a record in the second batch is another one."""

    def flip() -> None:
        with path.open("r+b") as file:
            file.seek(8)
            second = 12 + int.from_bytes(file.read(4), "big")
            file.seek(second + HEADER + 20)
            (byte,) = file.read(1)
            file.seek(-1, 1)
            file.write(bytes([byte ^ 4]))

    flip()
    yield
    flip()


async def test_a_batch_that_stays_damaged_ends_the_worker_and_names_the_place(
    own_broker: EmbeddedBroker,
) -> None:
    async with filled(own_broker) as (settings, log):
        with flipped(log):
            code, said = await ended(settings)
        assert code == CorruptError.exit_code
        assert f"{settings.topics.purchases}[0] at or behind offset {stream.SENT_TOGETHER}" in said
        assert "wrong checksum in the batch" in said
        assert "Restore the partition from a replica" in said
        await reads_all(settings)


async def test_damage_that_passes_is_fetched_again_and_nothing_is_lost(
    own_broker: EmbeddedBroker,
) -> None:
    async with filled(own_broker) as (settings, log):
        worker = worker_of(settings.group, settings)
        with workers(worker):
            with flipped(log):
                await logged(worker, "fetch.corrupt")
            await wait_until_at_the_end(settings, [worker], ENDS)
            assert worker.stop() == 0
        assert worker.log_path.read_text().count("worker.started") == 1


async def reads_all(settings: Settings) -> None:
    worker = worker_of(f"{settings.group}-mended", settings)
    with workers(worker):
        await wait_until_at_the_end(settings, [worker], ENDS)
        assert worker.stop() == 0
