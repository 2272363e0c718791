"""How fast a real worker reads its customers back from a real broker.

The changelog is written as a worker writes it, in transactions of some megabytes; then
`offbeat worker` is started and tells, for each partition, how long it took from the assignment on.
All partitions are recovered at once, by the worker's one consumer.
"""

import asyncio
import time
from collections.abc import Iterator
from itertools import groupby, islice

import orjson

from benchmarks.harness import Worker, create_topics, environment, named, workers
from benchmarks.speed.recovery import PARTITIONS, Written, changelog
from benchmarks.speed.shop import Crowd, Shop
from schemas.topics import OutputTopics
from streams.cli.progress import Advance, progress
from streams.kafka.broker import bootstrap
from streams.kafka.producer import Outgoing, PartitionProducer
from streams.ops.logs import PARTITION_RECOVERED
from streams.settings import Settings, detector_profile

TRANSACTION = 16 * PARTITIONS  # record batches: some 14 MB a partition
MOST_SECONDS = 300.0


def recovered_from_broker(customers: int) -> dict[str, float]:
    """Customers a second, of all partitions together."""
    with bootstrap(None) as broker:
        return asyncio.run(_recovered(broker, customers))


async def _recovered(broker: str, customers: int) -> dict[str, float]:
    settings = named(broker, f"recovery-{int(time.time()):x}", partitions=PARTITIONS)
    await create_topics(settings)
    shop = Shop(detector_profile(settings))
    mine = customers // PARTITIONS
    crowds = [Crowd(shop, mine, n * mine) for n in range(PARTITIONS)]
    with progress("Writing", customers, "customers") as advanced:
        await _write(settings, changelog(crowds, settings.topics.inputs), advanced)
    worker = Worker(settings.group, environment(settings))
    with workers(worker):
        seconds = await _told(worker, mine)
    return {
        "recovery_broker_customers": customers,
        "recovery_broker_seconds": seconds,
        "recovery_broker_customers_per_second": customers / seconds,
    }


async def _write(settings: Settings, batches: Iterator[Written], advanced: Advance) -> None:
    topic = OutputTopics(settings.topics.prefix).state_changelog
    options = {"bootstrap_servers": settings.broker}
    producers = [PartitionProducer(settings.group, str(n), options) for n in range(PARTITIONS)]
    for producer in producers:
        await producer.start()
    try:
        while some := sorted(islice(batches, TRANSACTION), key=lambda one: one.partition):
            for partition, written in groupby(some, key=lambda one: one.partition):
                mine = [one.batch for one in written]
                out = Outgoing(topic, partition, batches=mine)
                await producers[partition].commit([out], {}, int(time.time() * 1000))
                advanced(sum(batch.record_count() for batch in mine))
    finally:
        for producer in producers:
            await producer.stop()


async def _told(worker: Worker, customers: int) -> float:
    """How long the slowest partition took, once all have as many customers as they should."""
    until = time.monotonic() + MOST_SECONDS
    while time.monotonic() < until and worker.running:
        lines = worker.log_path.read_bytes().splitlines() if worker.log_path.exists() else []
        events = [orjson.loads(line) for line in lines if line.startswith(b"{")]
        found = [event for event in events if event["event"] == PARTITION_RECOVERED]
        if len(found) == PARTITIONS:
            assert {event["customers"] for event in found} == {customers}
            return max(float(event["seconds"]) for event in found)
        await asyncio.sleep(0.5)
    raise TimeoutError(f"the worker has not recovered; see {worker.log_path}")
