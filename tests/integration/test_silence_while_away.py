"""Silences that fall due while no worker runs, and while partitions move: each is said once."""

import asyncio
import time
import uuid

import numpy as np
import orjson
import pytest

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
from benchmarks.silence import START, Due, foresee, send, stamped_alerts
from detectors.observations import Input
from schemas.instants import rfc3339
from streams.settings import Settings
from streams.sources.kafka import Sender
from streams.sources.lines import Lines

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CUSTOMERS = 2000
GRACE_SECONDS = 1.0
LEAD_SECONDS = 40.0  # until the first of them falls due: everything has to be read by then
SESSION_SECONDS = 4.0
# From the deadline on: grace, a tick, a transaction.
SAID_SECONDS = GRACE_SECONDS + 4.0


def closest(due: list[Due], wanted: int) -> int:
    """Where so many silences begin that fall due in the shortest time."""
    spans = [due[i + wanted - 1].deadline - due[i].deadline for i in range(len(due) - wanted + 1)]
    return int(np.argmin(spans))


async def buy(settings: Settings, customer: str) -> None:
    """A purchase, now."""
    now = time.time()
    event = {
        "event_id": uuid.uuid4().hex,
        "customer_id": customer,
        "event_time": rfc3339(now),
        "amount": 30.0,
        "currency": "EUR",
    }
    async with Sender(settings) as sender:
        line = Lines(Input.PURCHASES, np.array([now]), [customer.encode()], [orjson.dumps(event)])
        await sender.send([line])


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
    _, foreseen = foresee(settings, CUSTOMERS)
    chosen = foreseen[closest(foreseen, wanted=5)]
    shift = round(time.time() + LEAD_SECONDS - chosen.deadline, 3)
    _, due = foresee(settings, CUSTOMERS, START + shift)
    due = [one for one in due if one.deadline > time.time()]
    total = await send(settings, CUSTOMERS, shift)
    with workers(first):
        await wait_until_consumed(settings, total, [first], LEAD_SECONDS)
        assert first.stop() == 0
    stopped = time.time()
    assert stopped < due[2].deadline, "this machine was too slow to be away in time"
    away = [one for one in due if one.deadline > stopped]
    # bought in time, while nobody was there to see it: no silence
    buyer = away[2].customer
    await buy(settings, buyer)
    await asyncio.sleep(max(away[2].deadline - time.time(), 0) + 2.0)
    back = time.time()
    with workers(first, second):
        await wait_until_at_the_end(settings, [first, second], 30)
        await asyncio.sleep(SAID_SECONDS)
        first.stop()  # its partition goes to the other, if it had it
        await asyncio.sleep(SESSION_SECONDS + SAID_SECONDS)
        until = time.time()
        assert second.stop() == 0
    with workers(first):  # and once more: what was said is not said again
        await asyncio.sleep(SESSION_SECONDS + SAID_SECONDS)
        assert first.stop() == 0
    alerts = [one for one in await stamped_alerts(settings) if one["deadline"] > stopped]
    opened = [(one["customer_id"], one["deadline"]) for one in alerts]
    expected = {
        one.customer: one.deadline
        for one in away
        if one.deadline < until - SAID_SECONDS and one.customer != buyer
    }
    assert len(opened) == len(dict(opened))
    assert buyer not in dict(opened)
    assert expected.keys() <= dict(opened).keys() <= {one.customer for one in away}
    for customer, deadline in expected.items():
        assert dict(opened)[customer] == pytest.approx(deadline, abs=0.01)
    in_the_dark = [one for one in alerts if one["deadline"] < back]
    assert len(in_the_dark) >= 2
    assert all(one["committed"] >= back for one in in_the_dark)
