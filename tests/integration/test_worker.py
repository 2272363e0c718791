"""A real worker on Apache Kafka: events become alerts, state and figures; a restart goes on."""

import asyncio
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import numpy as np
import orjson
import pytest

from benchmarks.harness import (
    Worker,
    create_topics,
    ends,
    environment,
    named,
    read_alerts,
    read_all,
    wait_until_consumed,
    workers,
)
from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation
from detectors.observations import Input
from schemas import proposals, samples
from schemas.export import json_schema
from schemas.topics import OutputTopics
from streams.replay import Replay
from streams.settings import Settings
from streams.sources.kafka import Sender
from streams.sources.lines import Lines, Naming, encode
from streams.sources.rows import Rows

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def simulated(days: tuple[float, float] = (0, 300)) -> list[Lines]:
    """A stretch of the lives of 120 customers, half of whom change."""
    scenario = Scenario(customers=120, days=300, seed=5, drifting=0.5)
    events = np.concatenate(list(Simulation(scenario).events()))
    since, until = (scenario.start + day * 86_400 for day in days)
    return encode(events[(events["time"] >= since) & (events["time"] < until)], Naming())


async def send(settings: Settings, lines: list[Lines]) -> int:
    async with Sender(settings) as sender:
        await sender.send(lines)
    return sum((await ends(settings, settings.topics.inputs)).values())


def replayed(settings: Settings, lines: list[Lines]) -> Iterator[tuple[str, int]]:
    """(customer, status) of every decision that a replay of the same events takes."""
    sources = {
        line.source: iter(
            [
                Rows(
                    Path("simulated"),
                    line.source,
                    line.values,
                    line.keys,
                    line.times,
                    np.arange(len(line.values)),
                )
            ]
        )
        for line in lines
    }
    for step in Replay(settings, settings.topics.partitions).run(sources):
        for state, decisions in step.decisions:
            for record in decisions.records:
                yield state.customer_id(int(record["row"])).decode(), int(record["status"])


@pytest.fixture
def settings(broker: str) -> Settings:
    return named(broker, f"worker-{uuid.uuid4().hex[:8]}", clock="event")


async def test_events_become_alerts_that_a_replay_gives_too(settings: Settings) -> None:
    lines = simulated()
    await create_topics(settings)
    total = await send(settings, lines)
    worker = Worker(settings.group, environment(settings))
    with workers(worker):
        await wait_until_consumed(settings, total, [worker], 90)
        await asyncio.sleep(2)  # a tick after the last commit: what the last watermark brings
        assert worker.stop() == 0
    alerts = await read_alerts(settings)
    checker = jsonschema.Draft202012Validator(json_schema("alert"))
    for alert in alerts:
        checker.validate(alert)
    statuses = {"opened": 1, "updated": 2, "resolved": 3, "expired": 4}
    found = sorted((a["customer_id"], statuses[a["status"]]) for a in alerts)
    # a partition's time ends with its own last event, a replay's with the last of all
    expected = sorted(replayed(settings, lines))
    assert len(found) > 50
    assert set(found) <= set(expected)
    assert len(expected) - len(found) <= 3
    at_risk = {}
    for record in await read_all(settings, OutputTopics(settings.topics.prefix).at_risk):
        at_risk[record.key] = record.value and orjson.loads(record.value)["alert_id"]
    last = {a["customer_id"]: a for a in sorted(alerts, key=lambda a: str(a["updated_at"]))}
    still_open = {
        c.encode(): a["alert_id"] for c, a in last.items() if a["status"] in ("opened", "updated")
    }
    assert {k: v for k, v in at_risk.items() if v} == still_open


async def test_a_restart_goes_on_where_the_last_commit_was(settings: Settings) -> None:
    await create_topics(settings)
    worker = Worker(settings.group, environment(settings))
    for days in ((0, 150), (150, 300)):
        total = await send(settings, simulated(days))
        with workers(worker):
            await wait_until_consumed(settings, total, [worker], 90)
            await asyncio.sleep(2)
            assert worker.stop() == 0
    alerts = await read_alerts(settings)
    keys = [(a["alert_id"], a["sequence"]) for a in alerts]
    assert len(keys) == len(set(keys))
    sequences: dict[str, list[int]] = {}
    for alert_id, sequence in keys:
        sequences.setdefault(alert_id, []).append(sequence)
    assert all(sorted(s) == list(range(1, len(s) + 1)) for s in sequences.values())


async def test_the_sample_survives_restarts_and_parameters_are_proposed(settings: Settings) -> None:
    await create_topics(settings)
    worker = Worker(settings.group, environment(settings))
    expected: dict[bytes, set[int]] = {}
    for days in ((0, 150), (150, 300)):
        lines = simulated(days)
        (purchases,) = [line for line in lines if line.source == Input.PURCHASES]
        for key, time_, value in zip(
            purchases.keys, purchases.times, purchases.values, strict=True
        ):
            if orjson.loads(value).get("kind") != "refund":
                expected.setdefault(key, set()).add(int(time_))
        total = await send(settings, lines)
        with workers(worker):
            await wait_until_consumed(settings, total, [worker], 90)
            await asyncio.sleep(2)
            if days[0]:
                await until_proposed(worker)
            assert worker.stop() == 0
    records = await read_all(settings, OutputTopics(settings.topics.prefix).model)
    newest = {record.key: record.value for record in records}
    kept = [samples.decode_customer(v) for k, v in newest.items() if samples.is_customer_key(k)]
    assert sorted(one.times for one in kept) == sorted(
        sorted(times)[-33:] for times in expected.values()
    )
    assert sum(one.earlier for one in kept) == sum(max(len(t) - 33, 0) for t in expected.values())
    proposal = proposals.decode(newest[proposals.KEY])
    assert proposal.gaps > 100
    assert proposal.gain > 0
    assert proposal.until.timestamp() % (7 * 86_400) == 0


async def until_proposed(worker: Worker) -> None:
    """Return when the worker serves a proposal's figures: 4 s of work on a twentieth of a core."""
    async with asyncio.timeout(300):
        while "offbeat_proposals 0.0" in get(worker, "metrics")[1]:
            await asyncio.sleep(0.5)


async def test_pages_tell_how_the_worker_is(settings: Settings) -> None:
    await create_topics(settings)
    total = await send(settings, simulated((0, 60)))
    worker = Worker(settings.group, environment(settings))
    with workers(worker):
        await wait_until_consumed(settings, total, [worker], 90)
        await asyncio.sleep(2)
        assert get(worker, "livez")[0] == 200
        assert get(worker, "readyz")[0] == 200
        assert get(worker, "table")[0] == 404
        metrics = get(worker, "metrics")[1]
    events = [line for line in metrics.splitlines() if line.startswith("offbeat_events_total")]
    assert sum(float(line.rsplit(" ", 1)[1]) for line in events) == total
    assert 'offbeat_state_customers{partition="0"}' in metrics
    assert "c-0000" not in metrics


def get(worker: Worker, page: str) -> tuple[int, str]:
    until = time.monotonic() + 10
    while True:
        try:
            with urllib.request.urlopen(f"{worker.pages}/{page}") as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except urllib.error.URLError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


async def test_a_worker_refuses_topics_that_would_mix_up_customers(settings: Settings) -> None:
    other = named(settings.broker, f"{settings.group}-b", partitions=3)
    await create_topics(settings)
    await create_topics(other)
    uneven = environment(settings, topics_visits=other.topics.visits)
    worker = Worker(settings.group, uneven)
    worker.start()
    try:
        assert worker.wait(60) == 78
    finally:
        worker.stop()
    assert "partitions" in worker.log_path.read_text()
