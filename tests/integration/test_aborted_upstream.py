"""Producers upstream that abort among their commits, in every codec: what they took back is not."""

import asyncio
import uuid
from collections.abc import Iterator

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from benchmarks.faults.outcome import read
from benchmarks.harness import (
    Worker,
    create_topics,
    environment,
    named,
    wait_until_at_the_end,
    workers,
)

pytestmark = [pytest.mark.integration, pytest.mark.slow]

START = 1_735_689_600_000
HOUR = 3_600_000
CODECS = (None, "gzip", "snappy", "lz4", "zstd")
ROUNDS = 10  # transactions of each codec; every second one is aborted
TOGETHER = 20


def purchase(name: str, number: int) -> tuple[bytes, bytes]:
    customer = f"c-{number % 7}"
    event = {
        "event_id": f"{name}-{number}",
        "customer_id": customer,
        "event_time": START + number * HOUR,
        "amount": 10.0,
        "currency": "EUR",
    }
    return customer.encode(), orjson.dumps(event)


def events(name: str, first: int) -> Iterator[tuple[bytes, bytes]]:
    for number in range(first, first + TOGETHER):
        yield purchase(name, number)
    yield b"c-1", b"no event"


async def test_events_of_aborted_transactions_count_nowhere(broker: str) -> None:
    settings = named(
        broker, f"aborts-{uuid.uuid4().hex[:8]}", partitions=1, clock="event", tenant="t"
    )
    await create_topics(settings)
    topic = settings.topics.purchases
    producers = {
        codec: AIOKafkaProducer(
            bootstrap_servers=broker,
            transactional_id=f"{settings.group}-{codec}",
            compression_type=codec,
        )
        for codec in CODECS
    }
    for producer in producers.values():
        await producer.start()
    committed = 0
    try:
        for number in range(ROUNDS):
            # all are open at a time, so that their batches lie among each other
            for codec, producer in producers.items():
                await producer.begin_transaction()
                name, first = f"{codec}-{number}", number * TOGETHER
                sent = [
                    await producer.send(topic, value, key, partition=0)
                    for key, value in events(name, first)
                ]
                await asyncio.gather(*sent)
            for place, producer in enumerate(producers.values()):
                if (number + place) % 2:
                    await producer.abort_transaction()
                else:
                    await producer.commit_transaction()
                    committed += 1
    finally:
        for producer in producers.values():
            await producer.stop()
    worker = Worker(settings.group, environment(settings, kafka_fetch_partition_bytes="4096"))
    with workers(worker):
        await wait_until_at_the_end(settings, [worker], 120)
        assert worker.stop() == 0
    found = await read(settings)
    population = found.partitions[0]["population"]
    assert committed == len(CODECS) * ROUNDS // 2
    assert sum(population["applied"]) == committed * TOGETHER
    assert sum(population["duplicates"]) == 0
    assert found.letters.total() == committed
