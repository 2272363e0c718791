"""The examples do what the quickstarts say: an event goes in, its alert and trace come out."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from benchmarks.harness import (
    Worker,
    create_topics,
    environment,
    named,
    wait_until_consumed,
    workers,
)
from streams.settings import Settings
from tests.functional.fetching import purchase

pytestmark = [pytest.mark.integration, pytest.mark.slow]

EXAMPLES = Path(__file__).parents[2] / "examples"
SENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def run(settings: Settings, *arguments: str, text: str = "", **variables: str) -> list[str]:
    """Lines that an example prints."""
    place = {
        "OFFBEAT_BROKER": settings.broker,
        "OFFBEAT_TOPICS_PREFIX": settings.topics.prefix,
    }
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=EXAMPLES,
        input=text,
        env={**os.environ, **place, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.splitlines()


async def test_a_return_that_is_traced_resolves_its_alert_with_the_same_trace(broker: str) -> None:
    settings = named(broker, f"examples-{uuid.uuid4().hex[:8]}", partitions=1, clock="event")
    await create_topics(settings)
    weekly = [purchase("c-1", i, 7.0 * i) for i in range(10)]
    text = "".join(json.dumps(event) + "\n" for event in [*weekly, purchase("c-2", 0, 200.0)])
    topic = settings.topics.purchases
    places = run(settings, "feed.py", topic, text=text)
    assert places == [f"{topic}[0] at {offset}" for offset in range(11)]
    worker = Worker(settings.group, environment(settings))
    with workers(worker):
        await wait_until_consumed(settings, 11, [worker], 60)
        back = json.dumps(purchase("c-1", 99, 201.0))
        run(settings, "feed.py", topic, text=back, TRACEPARENT=SENT)
        await wait_until_consumed(settings, 12, [worker], 60)
        assert worker.stop() == 0
    lines = run(settings, "read_alerts.py", "--idle", "3")
    said = [line.split()[:2] for line in lines]
    resolved = said.index(["resolved", "c-1"])
    assert ["opened", "c-1"] in said[:resolved]
    assert lines[resolved + 1] == f"  traceparent: {SENT}"
    assert sum("traceparent" in line for line in lines) == 1
    # what was acted on is not delivered again
    assert run(settings, "read_alerts.py", "--idle", "3") == ["0 alerts known"]
