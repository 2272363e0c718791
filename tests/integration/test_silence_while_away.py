"""Silences that fall due while no worker runs, and while partitions move: each is said once."""

import asyncio
import time
import uuid
from pathlib import Path

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from benchmarks.faults import forked
from benchmarks.harness import (
    Worker,
    create_topics,
    environment,
    named,
    wait_until_at_the_end,
    wait_until_consumed,
    workers,
)
from benchmarks.silence import stamped_alerts
from detectors import engine
from detectors.judgement.episodes import Status
from detectors.observations import Input
from schemas.instants import rfc3339
from streams.replay import Replay
from streams.settings import Settings
from streams.sources.kafka import Sender
from streams.sources.lines import Lines
from streams.sources.rows import Rows

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CUSTOMERS = 14
APART_SECONDS = 3.0  # one customer's deadline behind the one before
PURCHASES, GAP_SECONDS = 15, 7 * 86_400.0
START = 1_700_000_000.0
GRACE_SECONDS = 1.0
LEAD_SECONDS = 25.0  # until the first of them falls due: everything has to be read by then
SESSION_SECONDS = 4.0
SAID_SECONDS = GRACE_SECONDS + 4.0  # from a deadline on: grace, a tick, a transaction
BUYER = 5


def purchases(customers: NDArray[np.int64], times: NDArray[np.float64]) -> Lines:
    """A purchase each."""
    keys = [b"c-%d" % customer for customer in customers.tolist()]
    values = [
        orjson.dumps(
            {
                "event_id": f"{key.decode()}-{at}",
                "customer_id": key.decode(),
                "event_time": rfc3339(at),
                "amount": 30.0,
                "currency": "EUR",
            }
        )
        for key, at in zip(keys, times.tolist(), strict=True)
    ]
    return Lines(Input.PURCHASES, times, keys, values)


def past(start: float) -> Lines:
    """Everybody buys weekly, one customer some seconds behind the one before."""
    begun = start + APART_SECONDS * np.arange(CUSTOMERS)
    weeks = GAP_SECONDS * np.arange(PURCHASES)
    return purchases(np.tile(np.arange(CUSTOMERS), PURCHASES), (weeks[:, None] + begun).ravel())


def deadlines(settings: Settings) -> dict[str, float]:
    """When the silence of each falls due, for a past that begins at START."""
    lines = past(START)
    numbers = np.arange(1, len(lines.values) + 1)
    rows = Rows(Path("made"), lines.source, lines.values, lines.keys, lines.times, numbers)
    replay = Replay(settings)
    for _ in replay.run({Input.PURCHASES: iter([rows])}):
        pass
    (life,) = replay.lives
    decided = engine.advance(life.state, float(lines.times[-1]) + 100 * 86_400.0).records
    opened = decided[decided["status"] == Status.OPENED]
    return {life.state.customer_id(int(one["row"])).decode(): float(one["time"]) for one in opened}


async def send(settings: Settings, lines: Lines) -> None:
    async with Sender(settings) as sender:
        await sender.send([lines])


async def test_what_falls_due_while_nobody_is_there_is_said_once_with_its_own_time(
    broker: str,
) -> None:
    settings = named(
        broker,
        f"away-{uuid.uuid4().hex[:8]}",
        partitions=1,
        allowed_lateness_seconds=GRACE_SECONDS,
    )
    await create_topics(settings)
    options = environment(
        settings,
        allowed_lateness_seconds=str(GRACE_SECONDS),
        kafka_session_timeout_seconds=str(SESSION_SECONDS),
        kafka_heartbeat_seconds="1",
    )
    first, second = (Worker(f"{settings.group}-{n}", options, forked.launch) for n in range(2))
    foreseen = deadlines(settings)
    assert len(foreseen) == CUSTOMERS
    shift = round(time.time() + LEAD_SECONDS - min(foreseen.values()), 3)
    due = {customer: at + shift for customer, at in foreseen.items()}
    buyer = f"c-{BUYER}"
    await send(settings, past(START + shift))
    with workers(first):
        await wait_until_consumed(settings, CUSTOMERS * (PURCHASES - 1), [first], LEAD_SECONDS)
        await asyncio.sleep(max(min(due.values()) + SAID_SECONDS - time.time(), 0.0))
        assert first.stop() == 0
    stopped = time.time()
    assert stopped < due[buyer], "this machine was too slow to be away in time"
    # bought in time, while nobody was there to see it: no silence
    await send(settings, purchases(np.array([BUYER]), np.array([stopped])))
    await asyncio.sleep(due["c-8"] + SAID_SECONDS - time.time())
    back = time.time()
    assert not [one for one in await stamped_alerts(settings) if one["committed"] > stopped]
    with workers(first, second):
        await wait_until_at_the_end(settings, [first, second], 30)
        await asyncio.sleep(SAID_SECONDS)
        assert first.stop() == 0  # its partition goes to the other, if it had it
        await asyncio.sleep(max(max(due.values()) - time.time(), SESSION_SECONDS) + SAID_SECONDS)
        assert second.stop() == 0
    with workers(first):  # and once more: what was said is not said again
        await asyncio.sleep(SESSION_SECONDS + SAID_SECONDS)
        assert first.stop() == 0
    alerts = await stamped_alerts(settings)
    said = {one["customer_id"]: one for one in alerts}
    assert len(said) == len(alerts)
    assert said.keys() == due.keys() - {buyer}
    for customer, one in said.items():
        assert one["deadline"] == pytest.approx(due[customer], abs=0.01)
        assert one["committed"] >= one["deadline"]
    in_the_dark = [one for one in alerts if stopped < one["deadline"] < back]
    assert len(in_the_dark) >= 3
    assert all(one["committed"] >= back for one in in_the_dark)
