"""How soon an alert is with its readers: behind a deadline, and behind the event that it is about.

A worker with a wall clock knows a million customers, each with a history of three weekly purchases,
and reads events at half the rate that producer, broker and worker have just reached together, on
the machine that they share. Meanwhile two small groups of customers meet what they were made for,
spread evenly over the time that is measured: the deadlines of the quiet ones pass, and those who
return, whose alerts are open, buy again.

Times are those of one clock, at the reader: when a consumer of committed data has the alert, less
the deadline and its grace (`allowed_lateness_seconds`, 1 here), or less the time at which the
purchase was to be sent. The events of the load are of 20,000 customers. Broker, worker, producer
and reader share one machine; the source-outage guard is off, for the inputs that stay empty.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
from aiokafka import AIOKafkaConsumer
from numpy.typing import NDArray

from benchmarks.harness import (
    Worker,
    committed,
    console,
    create_topics,
    environment,
    named,
    reading,
)
from detectors import engine
from detectors.judgement.episodes import Status
from detectors.observations import Input
from schemas.instants import seconds
from schemas.topics import OutputTopics
from streams.backtest.plots import Plot, Series
from streams.replay import Replay
from streams.settings import Settings
from streams.settings_groups import Guard
from streams.sources.kafka import Sender
from streams.sources.lines import Lines
from streams.sources.rows import Rows

DAY = 86_400.0
WEEKS = np.array([-14.0, -7.0, 0.0]) * DAY  # of a history, before its last purchase
ACTIVE = 20_000  # customers of the load, as in the race
GROUP = 4_000  # quiet ones, and as many who return
GRACE_SECONDS = 1.0  # producers on this machine keep within it
LEAD_SECONDS = 15.0  # for the small groups' histories to be read, and the load to be steady
TICK_SECONDS = 0.05  # between two handfuls of the load
FLOOD, FLOOD_SECONDS = 400_000.0, 4.0  # more than anybody here can send: what comes of it is all
CHUNK = 50_000  # purchases of the histories that are sent at once
PLOT = Path("build/figures/latency.svg")
NOBODY = np.empty(0)


PURCHASE = b'{"event_id":"%b-%d","customer_id":"%b","event_time":%d,"amount":25.0,"currency":"EUR"}'
VISIT = b'{"event_id":"%b-v%d","customer_id":"%b","event_time":%d,"kind":"session"}'
MEASURED = (0.15, 0.95)


async def latency(
    broker: str,
    customers: int = 1_000_000,
    rate: float | None = None,
    measured_seconds: float = 40.0,
) -> dict[str, float]:
    """Seconds from deadlines and from events to alerts, at `rate` events a second.

    Unless given, the rate is half of what can be sent and read at the same time. Flat figures:
    `deadline_to_alert_{p50,p99,max}_seconds`, `event_to_alert_{p50,p99,max}_seconds`, and what they
    were measured at: `latency_customers`, `latency_load_events_per_second`, what can be sent and
    read as `latency_rate_events_per_second`, what was read of a backlog, without a producer, as
    `latency_backlog_events_per_second`, `latency_deadlines`, `latency_returns`; `latency_early` and
    `latency_missing` count alerts that came too soon, or did not come. Writes the distributions to
    build/figures/latency.svg.
    """
    settings = named(
        broker,
        f"latency-{int(time.time()):x}",
        clock="wall",
        allowed_lateness_seconds=GRACE_SECONDS,
        guard=Guard(enabled=False),
    )
    await create_topics(settings)
    options = {"guard_enabled": "false", "allowed_lateness_seconds": str(GRACE_SECONDS)}
    worker = Worker(settings.group, environment(settings, **options))
    wait = deadline_after(settings)
    alerts = OutputTopics(settings.topics.prefix).alerts
    async with Sender(settings) as sender, reading(settings, alerts) as reader:
        last = time.time() - DAY * np.linspace(2, 1, customers)
        await sender.send(_histories(b"c-%07d", last))
        await sender.flush()
        worker.start()
        try:
            read = await _reading_rate(settings, worker, customers * len(WEEKS))
            console.print(f"{customers:,} customers are known, read at {read:,.0f} events a second")
            reached = await _rate_reached(settings, worker, sender)
            console.print(f"sent and read at the same time: {reached:,.0f} events a second")
            load = rate or reached / 2
            begin = time.time() + LEAD_SECONDS
            at = begin + (np.arange(GROUP) + 0.5) / GROUP * measured_seconds
            deadlines_at = at - GRACE_SECONDS
            await sender.send(_histories(b"q-%07d", deadlines_at - wait))
            await sender.send(_histories(b"r-%07d", np.full(GROUP, time.time() - wait - 600)))
            heard: list[tuple[float, bytes]] = []
            listening = asyncio.create_task(_listen(reader, heard))
            await _send_load(sender, load, begin + measured_seconds, at)
            await asyncio.sleep(5)
            listening.cancel()
            if not worker.running:
                raise RuntimeError(f"the worker ended; see {worker.log_path}")
        finally:
            worker.stop()
    deadlines = _delays(heard, "q-", "opened") - GRACE_SECONDS
    events = _delays(heard, "r-", "resolved")
    _plot(deadlines, events, f"{customers:,} customers, {load:,.0f} events a second")
    return {
        "deadline_to_alert_p50_seconds": float(np.quantile(deadlines, 0.5)),
        "deadline_to_alert_p99_seconds": float(np.quantile(deadlines, 0.99)),
        "deadline_to_alert_max_seconds": float(deadlines.max()),
        "event_to_alert_p50_seconds": float(np.quantile(events, 0.5)),
        "event_to_alert_p99_seconds": float(np.quantile(events, 0.99)),
        "event_to_alert_max_seconds": float(events.max()),
        "latency_early": float((deadlines < 0).sum()),
        "latency_missing": float(2 * GROUP - len(deadlines) - len(events)),
        "latency_deadlines": float(len(deadlines)),
        "latency_returns": float(len(events)),
        "latency_customers": float(customers),
        "latency_rate_events_per_second": reached,
        "latency_backlog_events_per_second": read,
        "latency_load_events_per_second": load,
    }


def deadline_after(settings: Settings) -> float:
    """Seconds from the last purchase of such a history to the customer's deadline."""
    last = 1_700_000_000.0
    replay = Replay(settings)
    rows = (
        Rows(Path("history"), line.source, line.values, line.keys, line.times, np.arange(1))
        for line in _histories(b"c-%07d", np.array([last]))
    )
    for _ in replay.run({Input.PURCHASES: rows}):
        pass
    records = engine.advance(replay.lives[0].state, last + 365 * DAY).records
    return float(records["time"][records["status"] == Status.OPENED][0]) - last


async def _reading_rate(settings: Settings, worker: Worker, total: int) -> float:
    """Wait until all is read; how many events a second that were, but for begin and end."""
    marks: list[tuple[int, float]] = []
    while (done := await committed(settings)) < total:
        if not worker.running:
            raise RuntimeError(f"the worker ended; see {worker.log_path}")
        if total * MEASURED[0] < done < total * MEASURED[1]:
            marks.append((done, time.monotonic()))
        await asyncio.sleep(0.1)
    (first, since), (after, until) = marks[0], marks[-1]
    return (after - first) / (until - since)


async def _rate_reached(settings: Settings, worker: Worker, sender: Sender) -> float:
    """How many events a second are sent, read and committed when there are too many."""
    before, begun = await committed(settings), time.monotonic()
    sent = await _send_load(sender, FLOOD, time.time() + FLOOD_SECONDS)
    while await committed(settings) < before + sent:
        if not worker.running:
            raise RuntimeError(f"the worker ended; see {worker.log_path}")
        await asyncio.sleep(0.1)
    return sent / (time.monotonic() - begun)


def _histories(name: bytes, last: NDArray[np.float64]) -> Iterator[Lines]:
    """Three weekly purchases each, the last one then; in event-time order if `last` is."""
    for number, before in enumerate(WEEKS.tolist()):
        for begin in range(0, len(last), CHUNK):
            times = last[begin : begin + CHUNK] + before
            keys = [name % i for i in range(begin, begin + len(times))]
            yield _purchases(keys, times, number)


def _purchases(keys: list[bytes], times: NDArray[np.float64], number: int) -> Lines:
    heads = zip(keys, np.rint(times * 1000).astype(np.int64).tolist(), strict=True)
    values = [PURCHASE % (key, number, key, at) for key, at in heads]
    return Lines(Input.PURCHASES, times, keys, values)


async def _send_load(
    sender: Sender, rate: float, end: float, returns: NDArray[np.float64] = NOBODY
) -> int:
    """Purchases and visits of the active, and each return at its time, until `end`; how many."""
    keys = [b"c-%07d" % i for i in range(ACTIVE)]
    count, sent, back = max(int(rate * TICK_SECONDS / 2), 1), 0, 0
    due = time.time()
    number = int(due / TICK_SECONDS)  # of no other load
    while due < end or back < len(returns):
        await asyncio.sleep(due - time.time())
        until = int(np.searchsorted(returns, due))
        returning = [b"r-%07d" % i for i in range(back, until)]
        await sender.send([_purchases(returning, returns[back:until], number)])
        chosen = [keys[i % ACTIVE] for i in range(sent, sent + count)]
        times = np.full(count, due)
        bought = _purchases(chosen, times, number)
        seen = [VISIT % (key, number, key, int(due * 1000)) for key in chosen]
        await sender.send([bought, Lines(Input.VISITS, times, chosen, seen)])
        back, sent, number = until, sent + count, number + 1
        due += TICK_SECONDS
    await sender.flush()
    return 2 * sent


async def _listen(reader: AIOKafkaConsumer, heard: list[tuple[float, bytes]]) -> None:
    while True:
        found = await reader.getmany(timeout_ms=1000)
        now = time.time()
        heard += [(now, record.value) for records in found.values() for record in records]


def _delays(heard: list[tuple[float, bytes]], prefix: str, status: str) -> NDArray[np.float64]:
    """From the time that alerts of this status bear to the reader."""
    alerts = [(at, orjson.loads(value)) for at, value in heard]
    return np.array(
        [
            at - seconds(alert[f"{status}_at"])
            for at, alert in alerts
            if alert["customer_id"].startswith(prefix) and alert["status"] == status
        ]
    )


def _plot(deadlines: NDArray[np.float64], events: NDArray[np.float64], title: str) -> None:
    plot = Plot(title, "seconds", "share of the alerts that are there")
    share = [np.arange(1, len(one) + 1) / len(one) for one in (deadlines, events)]
    plot.write(
        PLOT,
        [
            Series("behind a deadline", np.sort(deadlines), share[0]),
            Series("behind an event", np.sort(events), share[1]),
        ],
        (0.0, max(1.0, float(np.quantile(np.concatenate([deadlines, events]), 0.999)))),
    )
