"""What the worker reads: a year of a shop, its day as it goes on, and broken records."""

import asyncio
import time
from collections.abc import Iterator

import numpy as np
import orjson

from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation, customer_id
from detectors.observations import Input
from streams.sources.kafka import Sender
from streams.sources.lines import Lines, Naming, encode

CUSTOMERS = 8000  # whose year takes some seconds to read, and is scraped meanwhile
DAYS = 420.0
A_TICK = 200  # events of each kind
TICK_SECONDS = 0.25


def history() -> Iterator[list[Lines]]:
    """Customers of whom some leave, in event-time order, until a minute ago."""
    start = time.time() - 60 - DAYS * 86_400
    scenario = Scenario(customers=CUSTOMERS, days=DAYS, seed=7, start=start, drifting=0.5)
    for events in Simulation(scenario).events():
        yield encode(events, Naming())


async def live(sender: Sender, seconds: float) -> None:
    """Purchases and visits as they happen, of everybody in turn: whoever was at risk comes back."""
    until, n = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        now = time.time()
        ids = [customer_id(i % CUSTOMERS).encode() for i in range(n, n + A_TICK)]
        n += A_TICK
        await sender.send([_lines(Input.PURCHASES, ids, now), _lines(Input.VISITS, ids, now)])
        await sender.flush()
        await asyncio.sleep(TICK_SECONDS)


async def broken(sender: Sender, number: int, good: int) -> None:
    """So many records of support contacts that are no events, among good ones."""
    now = time.time()
    ids = [customer_id(i % CUSTOMERS).encode() for i in range(number)]
    share = max(good // number, 1)
    for start in range(0, number, A_TICK):
        some = ids[start : start + A_TICK]
        await sender.send([_lines(Input.SUPPORT, some * share, now)])
        await sender.send([Lines(Input.SUPPORT, np.full(len(some), now), some, [b"{"] * len(some))])
    await sender.flush()


def _lines(source: Input, ids: list[bytes], now: float) -> Lines:
    fields: dict[Input, dict[str, object]] = {
        Input.PURCHASES: {"amount": 19.9, "currency": "EUR"},
        Input.VISITS: {"kind": "session"},
        Input.SUPPORT: {"kind": "opened"},
    }
    values = [
        orjson.dumps(
            {
                "event_id": f"{source.name}-{now}-{number}",
                "customer_id": one.decode(),
                "event_time": int(now * 1000),
                **fields[source],
            }
        )
        for number, one in enumerate(ids)
    ]
    return Lines(source, np.full(len(ids), now), ids, values)
