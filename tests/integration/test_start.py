"""A worker whose kernels are in the cache compiles nothing, whatever it meets."""

import asyncio
import re
import uuid

import aiohttp
import pytest

from benchmarks.harness import (
    Worker,
    create_topics,
    environment,
    named,
    wait_until_at_the_end,
)
from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation
from streams import warmup
from streams.kafka.producer import Message, Outgoing, PartitionProducer
from streams.settings import Settings
from streams.sources.kafka import Sender
from streams.sources.lines import Naming, encode

pytestmark = [pytest.mark.integration, pytest.mark.slow]

UNUSUAL = (
    b'{"event_id": "e-\\u0031", "customer_id": "c-unusual", "event_time": 1700000000000, '
    b'"amount": 1.5, "currency": "EUR", "extra": {"a": [1, 2]}}'
)


async def send(settings: Settings, days: tuple[float, float]) -> None:
    """Some months of simulated customers, and what is unusual: in form, in place, no event."""
    scenario = Scenario(customers=80, days=300, seed=3, drifting=0.5)
    async with Sender(settings) as sender:
        for events in Simulation(scenario).events():
            times = (events["time"] - scenario.start) / 86_400
            await sender.send(encode(events[(times >= days[0]) & (times < days[1])], Naming()))
    producer = PartitionProducer(settings.group, "unusual", {"bootstrap_servers": settings.broker})
    await producer.start()
    records = [Message(b"c-unusual", UNUSUAL), Message(b"c-broken", b"{")]
    for partition in range(settings.topics.partitions):  # in all but one they are astray
        out = [Outgoing(name, partition, records) for name in settings.topics.inputs]
        await producer.commit(out, {}, 0)
    await producer.stop()


async def erase(settings: Settings) -> None:
    producer = PartitionProducer(settings.group, "erasing", {"bootstrap_servers": settings.broker})
    await producer.start()
    record = Message(b"c-unusual", b'{"customer_id": "c-unusual", "erase": true}')
    customers = str(settings.topics.customers)
    out = [Outgoing(customers, n, [record]) for n in range(settings.topics.partitions)]
    await producer.commit(out, {}, 0)
    await producer.stop()


async def test_a_worker_has_every_kernel_before_the_first_event(broker: str) -> None:
    warmup.compile_kernels()
    settings = named(broker, f"warm-{uuid.uuid4().hex[:8]}", clock="event", customers=True)
    await create_topics(settings)
    for days in ((0, 150), (150, 300)):  # the second start reads the state back
        await send(settings, days)
        worker = Worker(f"{settings.group}-{days[0]}", environment(settings, dlq_limit="0"))
        worker.start(NUMBA_DEBUG_CACHE="1", PYTHONUNBUFFERED="1")
        try:
            await wait_until_at_the_end(settings, [worker], 90)
            await look(worker)
            await erase(settings)
            await asyncio.sleep(3)
        finally:
            assert worker.stop() == 0
        before, after = worker.log_path.read_text().split('"kernels.loaded"')
        assert looked_up(before) > {"passes.apply_ahead", "passes.advance_blocks", "scan._scan"}
        # a refit has a thread of its own
        assert looked_up(after) <= {"fit._log_likelihood"}


async def look(worker: Worker) -> None:
    """At the console, as somebody does who looks for a customer."""
    async with aiohttp.ClientSession() as session:
        for path in ("", "search?q=000", "customer?id=c-unusual", "search?q=nobody", "pipeline"):
            async with session.get(f"{worker.pages}/console/{path}") as answer:
                assert answer.status == 200


def looked_up(log: str) -> set[str]:
    """The kernels that were loaded from the cache, or compiled and kept there."""
    return set(re.findall(r"data (?:loaded|saved).*__pycache__/(\w+\.\w+)-", log))
