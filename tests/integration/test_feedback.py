"""What is said in the console, in Kafka; and a worker that says no id where it must not."""

import asyncio
import re
import uuid

import aiohttp
import numpy as np
import pytest

from benchmarks.harness import (
    Worker,
    create_topics,
    ends,
    environment,
    named,
    read_all,
    wait_until_consumed,
    workers,
)
from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation
from schemas import feedback
from schemas.topics import OutputTopics
from streams.settings import Settings
from streams.sources.kafka import Sender
from streams.sources.lines import Naming, encode
from tests.functional.consoles import Client, life_of, looking, serving, shop

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(broker: str) -> Settings:
    return named(broker, f"feedback-{uuid.uuid4().hex[:8]}", clock="event", partitions=2)


async def said(settings: Settings) -> list[tuple[int, bytes, feedback.Feedback]]:
    topic = OutputTopics(settings.topics.prefix).feedback
    records = await read_all(settings, topic)
    return [(r.partition, r.key, feedback.decode(r.value)) for r in records]


async def say(client: Client, customer: str, kind: str, **more: str) -> int:
    page = (await client.get(f"/console/customer?id={customer}")).text
    form = {
        name: found[1]
        for name in ("form_token", "id", "alert")
        if (found := re.search(rf'name="{name}" value="([\w-]+)"', page))
    }
    return (await client.post("/console/feedback", {**form, "kind": kind, **more})).status


async def test_each_button_writes_one_record_beside_the_customer_s_alerts(
    settings: Settings,
) -> None:
    await create_topics(settings)
    life = life_of(shop({"gone": 40.0}), settings=settings, number=1)
    async with serving(settings, *looking(life)) as client:
        for kind in feedback.KINDS:
            assert await say(client, "gone", kind, note=" called ", offer="") == 303
        page = (await client.get("/console/customer?id=gone")).text
        assert page.count("<q>called</q>") == len(feedback.KINDS)
        assert "There is no alert" in (await client.get("/console/customer?id=regular")).text
    records = await said(settings)
    assert [record.kind for _, _, record in records] == list(feedback.KINDS)
    assert {(partition, key) for partition, key, _ in records} == {(1, b"gone")}
    assert {(r.customer_id, r.note, r.offer) for _, _, r in records} == {("gone", "called", None)}
    assert len({r.alert_id for _, _, r in records}) == 1


@pytest.mark.slow
async def test_a_worker_serves_the_console_and_logs_no_id(settings: Settings) -> None:
    await create_topics(settings)
    scenario = Scenario(customers=100, days=300, seed=5, drifting=0.5)
    async with Sender(settings) as sender:
        await sender.send(encode(np.concatenate(list(Simulation(scenario).events())), Naming()))
    total = sum((await ends(settings, settings.topics.inputs)).values())
    worker = Worker(settings.group, environment(settings, log_level="debug"))
    with workers(worker):
        await wait_until_consumed(settings, total, [worker], 90)
        await asyncio.sleep(1)
        async with aiohttp.ClientSession() as session:
            client = Client(worker.pages, session)
            found = re.search(r'customer\?id=(c-\d+)"', (await client.get("/console/")).text)
            assert found is not None
            assert await say(client, found[1], "acknowledged") == 303
            assert (await client.get("/console/customer?id=c-999999")).status == 404
            pipeline = (await client.get("/console/pipeline")).text
            assert pipeline.count("running") == 2
            assert "this worker" in pipeline
            metrics = (await client.get("/metrics")).text
            assert (await client.get("/")).status == 404
        assert worker.stop() == 0
    assert [record.kind for _, _, record in await said(settings)] == ["acknowledged"]
    log = worker.log_path.read_text()
    assert "feedback.recorded" in log
    assert not re.search(r"c-\d{6}", log + metrics)


@pytest.mark.slow
async def test_a_worker_bound_wider_ends_with_the_reason(settings: Settings) -> None:
    await create_topics(settings)
    worker = Worker(settings.group, environment(settings, web_host="0.0.0.0"))
    worker.start()
    assert worker.wait(60) == 78
    assert "OFFBEAT_CONSOLE_TOKEN_FILE" in worker.log_path.read_text()
