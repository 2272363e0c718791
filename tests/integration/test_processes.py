"""Two processes under one supervisor, on Apache Kafka: they end together, and nothing is lost."""

import asyncio
import os
import signal
import uuid
from typing import Any

import orjson
import pytest

from benchmarks.harness import (
    Worker,
    committed,
    create_topics,
    ends,
    environment,
    named,
    read_alerts,
    wait_until_consumed,
)
from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation
from streams.settings import Settings
from streams.sources.kafka import Sender
from streams.sources.lines import Naming, encode
from tests.integration.test_worker import send, simulated

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def logged(worker: Worker, event: str) -> list[dict[str, Any]]:
    lines = worker.log_path.read_bytes().splitlines()
    found = [orjson.loads(line) for line in lines if line.startswith(b"{")]
    return [line for line in found if line["event"] == event]


async def alerts_of(settings: Settings) -> set[tuple[str, int]]:
    return {(alert["alert_id"], alert["sequence"]) for alert in await read_alerts(settings)}


async def run_to_the_end(settings: Settings, total: int, processes: list[int]) -> Worker:
    """Stop when all is read and each process has so many partitions."""
    count = len(processes)
    worker = Worker(f"{settings.group}-{count}", environment(settings, processes=str(count)))
    worker.start()
    try:
        await wait_until_consumed(settings, total, [worker], 90)
        async with asyncio.timeout(60):
            while sorted(map(len, assigned(worker).values())) != processes:
                await asyncio.sleep(0.2)
        await asyncio.sleep(2)  # a tick after the last commit
    finally:
        assert worker.stop() == 0
    return worker


def assigned(worker: Worker) -> dict[int, list[int]]:
    """By process, its partitions as of the last rebalance."""
    return {
        line.get("process", 0): line["partitions"] for line in logged(worker, "partitions.assigned")
    }


async def test_two_processes_share_the_partitions_and_say_what_one_says(broker: str) -> None:
    one = named(broker, f"processes-{uuid.uuid4().hex[:8]}", clock="event")
    two = named(broker, f"{one.group}-two", inputs=one.group, clock="event")
    await create_topics(one)
    await create_topics(two)
    async with Sender(one) as sender:
        for events in Simulation(Scenario(customers=1000, days=300, seed=5, drifting=0.5)).events():
            await sender.send(encode(events, Naming()))
    total = sum((await ends(one, one.topics.inputs)).values())

    killed = Worker(f"{two.group}-killed", environment(two, processes="2"))
    killed.start()
    try:
        while await committed(two) == 0:
            await asyncio.sleep(0.05)
        (started,) = logged(killed, "workers.started")
        os.kill(started["pids"][1], signal.SIGKILL)
        assert killed.wait(40) == 128 + signal.SIGKILL
    finally:
        killed.stop()
    codes = {line["process"]: line["exit_code"] for line in logged(killed, "worker.ended")}
    assert codes == {0: 0, 1: 128 + signal.SIGKILL}

    worker = await run_to_the_end(two, total, [2, 2])
    partitions = assigned(worker)
    assert sorted(partitions[0] + partitions[1]) == [0, 1, 2, 3]
    await run_to_the_end(one, total, [4])
    expected = await alerts_of(one)
    assert len(expected) > 500
    assert await alerts_of(two) == expected


async def test_more_processes_than_partitions_are_said_once(broker: str) -> None:
    settings = named(broker, f"idle-{uuid.uuid4().hex[:8]}", clock="event", partitions=1)
    await create_topics(settings)
    total = await send(settings, simulated((0, 30)))
    worker = await run_to_the_end(settings, total, [0, 1])
    (idle,) = logged(worker, "processes.idle")
    assert idle["finding"].startswith("2 processes for 1 partitions: 1 ")
