"""A real worker with customers at risk: a short history through the real topics."""

from __future__ import annotations

import asyncio
import urllib.request
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import msgspec
import numpy as np

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
from detectors.lab.scenario import DAY, Scenario
from detectors.lab.simulate import Simulation
from detectors.observations import Input
from schemas import feedback
from schemas.topics import OutputTopics
from streams.settings import Settings
from streams.sources.kafka import Sender
from streams.sources.lines import Lines, Naming, encode, rfc3339

CUSTOMERS = 600
DAYS = 365.0
HOSTILE = "<script>alert('c')</script>&\"'"
"""An id that is allowed, and must be shown as it is."""


class Shop(NamedTuple):
    """The worker's pages, and how to read what it wrote."""

    pages: str
    settings: Settings

    def customers(self) -> list[str]:
        """Who is at risk, as the first page of the list has them."""
        address = f"{self.pages}/console/api/at-risk"
        with urllib.request.urlopen(address) as answer:  # noqa: S310 (our own address)
            rows = msgspec.json.decode(answer.read())["rows"]
        return [row[0] for row in rows]

    async def feedback(self) -> list[feedback.Feedback]:
        """All that is in the feedback topic."""
        topic = OutputTopics(self.settings.topics.prefix).feedback
        records = await read_all(self.settings, topic)
        return [feedback.decode(record.value) for record in records if record.value is not None]


@asynccontextmanager
async def shop(broker: str) -> AsyncIterator[Shop]:
    """Send a year, wait until it is decided, and keep the worker until the context ends."""
    name = f"browser-{uuid.uuid4().hex[:8]}"
    settings = named(broker, name, clock="event", partitions=2)
    await create_topics(settings)
    async with Sender(settings) as sender:
        await sender.send(_year())
    total = sum((await ends(settings, settings.topics.inputs)).values())
    worker = Worker(name, environment(settings))
    with workers(worker):
        await wait_until_consumed(settings, total, [worker], 120)
        found = Shop(worker.pages, settings)
        async with asyncio.timeout(30):
            while HOSTILE not in found.customers():  # noqa: ASYNC110 (another process decides)
                await asyncio.sleep(0.2)
        yield found


def _year() -> list[Lines]:
    scenario = Scenario(customers=CUSTOMERS, days=DAYS, seed=5, drifting=0.25)
    lines = encode(np.concatenate(list(Simulation(scenario).events())), Naming())
    times = scenario.start + DAY * np.arange(1.0, 0.8 * DAYS, 6.0)
    values = [
        b'{"event_id":"h-%d","customer_id":%b,"event_time":"%b","amount":900,"currency":"EUR"}'
        % (number, msgspec.json.encode(HOSTILE), at)
        for number, at in enumerate(rfc3339(times))
    ]
    first, *others = lines
    order = np.argsort(np.concatenate([first.times, times]), kind="stable").tolist()
    all_keys = [*first.keys, *[HOSTILE.encode()] * len(values)]
    all_values = [*first.values, *values]
    keys, sent = [all_keys[i] for i in order], [all_values[i] for i in order]
    return [
        Lines(Input.PURCHASES, np.sort(np.concatenate([first.times, times])), keys, sent),
        *others,
    ]
