"""How long a worker takes from its exec to the first commit of events, with warm caches."""

import asyncio
import time
from datetime import datetime
from statistics import median

import orjson

from benchmarks.harness import (
    Worker,
    cpu_seconds,
    create_topics,
    environment,
    named,
    reading,
    workers,
)
from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation
from schemas.topics import OutputTopics
from streams.sources.kafka import Sender
from streams.sources.lines import Naming, encode

MOST_SECONDS = 60.0
SETTLE_SECONDS = 1.0  # the broker has made a dozen topics
# What a worker says when a part is over, in order; the first commit follows.
PARTS = (
    ("import", "topics.checked"),
    ("kernels", "kernels.loaded"),
    ("app", "worker.started"),
    ("join", "partitions.assigned"),
    ("recovery", "partition.recovered"),
)


async def start(broker: str, starts: int = 5) -> dict[str, float]:
    """Medians over so many starts, each of a group of its own without state, with events waiting.

    Flat: `start_seconds`, from exec until a reader of committed data has the first row of the
    changelog, of which `start_cpu_seconds` are the worker's CPU, and its parts
    `start_PART_seconds`:

        import       Python, the libraries, and the check of topics and permissions
        kernels      compiled code, from the cache
        app          the worker is made
        join         the model is read, the group joined, the partitions fenced
        recovery     the state is read back
        first_commit the first events are fetched, applied and committed
    """
    rounds = [await _start(broker, f"start-{time.time_ns():x}") for _ in range(starts + 1)]
    del rounds[0]  # reads everything from the disk
    return {name: median(one[name] for one in rounds) for name in rounds[0]}


async def _start(broker: str, name: str) -> dict[str, float]:
    settings = named(broker, name, clock="event")
    await create_topics(settings)
    async with Sender(settings) as sender:
        for chunk in Simulation(Scenario(customers=200, days=30)).events():
            await sender.send(encode(chunk, Naming()))
    worker = Worker(name, environment(settings))
    changelog = OutputTopics(settings.topics.prefix).state_changelog
    async with reading(settings, changelog) as consumer:
        await asyncio.sleep(SETTLE_SECONDS)
        begun = time.time()
        with workers(worker):
            await asyncio.wait_for(consumer.getone(), MOST_SECONDS)
            committed, cpu = time.time(), cpu_seconds(worker.pid)
    ends = _ends(worker.log_path.read_bytes())
    figures, since = {"start_seconds": committed - begun, "start_cpu_seconds": cpu}, begun
    for part, event in PARTS:
        figures[f"start_{part}_seconds"] = ends[event] - since
        since = ends[event]
    return {**figures, "start_first_commit_seconds": committed - since}


def _ends(log: bytes) -> dict[str, float]:
    """When each event was last logged, seconds since the epoch."""
    lines = (orjson.loads(line) for line in log.splitlines() if line.startswith(b"{"))
    return {line["event"]: datetime.fromisoformat(line["wall_time"]).timestamp() for line in lines}
