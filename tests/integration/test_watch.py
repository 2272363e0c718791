"""`offbeat watch`: who is at risk now, from the compacted topic of a real broker."""

import asyncio
import os
import pty
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

import schemas
from benchmarks.harness import create_topics, named
from schemas.topics import OutputTopics
from streams.cli import app
from streams.kafka.producer import Message, Outgoing, PartitionProducer
from streams.settings import Settings

pytestmark = pytest.mark.integration

PROGRAM = [sys.executable, "-c", "from streams.cli import main; main()"]
ALERT = orjson.loads(
    (Path(schemas.__file__).parent / "catalogue/alerts/good/v1_scored.json").read_bytes()
)


def alert(customer: str, amount: float, **changes: object) -> Message:
    value = {
        **ALERT,
        "customer_id": customer,
        "alert_id": customer,
        "value_at_risk": {**ALERT["value_at_risk"], "amount": amount},
        **changes,
    }
    return Message(customer.encode(), orjson.dumps(value))


async def write(settings: Settings, *messages: Message) -> None:
    await create_topics(settings)
    producer = PartitionProducer(settings.group, "test", {"bootstrap_servers": settings.broker})
    await producer.start()
    at_risk = OutputTopics(settings.topics.prefix).at_risk
    await producer.commit([Outgoing(at_risk, 0, messages)], {}, 0)
    await producer.stop()


@pytest.fixture
def settings(broker: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    found = named(broker, f"watch-{uuid.uuid4().hex[:8]}", partitions=2)
    monkeypatch.setenv("OFFBEAT_TOPICS_PREFIX", found.topics.prefix)
    return found


def watch(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["watch", "--once", "--broker", settings.broker, *arguments])


def test_once_prints_who_is_at_risk_and_not_who_has_come_back(settings: Settings) -> None:
    messages = [
        alert("small", 5.0, severity="info"),
        alert("back", 700.0),
        alert("large", 900.0, severity="critical", segment="vip"),
        Message(b"back", None),
    ]
    asyncio.run(write(settings, *messages))
    until = time.monotonic() + 20  # a first commit is answered before readers see it
    while len(everybody := watch(settings).output.splitlines()) < 2 and time.monotonic() < until:
        time.sleep(0.2)
    assert len(everybody) == 2
    assert "critical large" in everybody[0]
    assert "info small" in everybody[1]
    assert "small" not in watch(settings, "--severity", "error").output
    assert "large" not in watch(settings, "--segment", "regular").output
    assert "small" not in watch(settings, "--limit", "1").output
    code = ALERT["reasons"][0]["code"]
    assert len(watch(settings, "--reason", code).output.splitlines()) == 2


def test_a_filter_that_nobody_knows_is_refused_with_what_is_accepted(settings: Settings) -> None:
    result = watch(settings, "--segment", "gold")
    assert result.exit_code == 78
    assert "loyal" in result.output


def test_on_a_terminal_it_is_a_table_that_ends_in_order(settings: Settings) -> None:
    asyncio.run(write(settings, alert("at-risk-one", 900.0)))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, "watch", "--broker", settings.broker],
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "COLUMNS": "120", "LINES": "30", "TERM": "xterm"},
    )
    os.close(theirs)
    shown, until = b"", time.monotonic() + 60
    while b"at-risk-one" not in shown and time.monotonic() < until:
        shown += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    shown += os.read(ours, 65536)
    assert b"1 at risk" in shown
    assert b"Traceback" not in shown
