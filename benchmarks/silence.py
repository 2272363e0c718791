"""An alert about who fell silent, while nothing arrives from anybody.

Customers are simulated and decided over without a broker first: that says when the next silence
after the last event falls due. Then the same events are moved in time so that this deadline lies
some seconds ahead of now, and sent to Apache Kafka for a real worker with a wall clock. From the
last event on nothing is sent any more. The alerts must come, for the customers whose deadlines
passed, no earlier than their deadlines.

The source-outage guard is off: when nobody sends anything for hours it takes that for an outage.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
from rich.table import Table

from benchmarks.harness import (
    Worker,
    console,
    create_topics,
    ends,
    environment,
    named,
    read_all,
    wait_until_consumed,
    workers,
)
from detectors import engine
from detectors.judgement.episodes import Status
from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation
from schemas.instants import seconds
from schemas.topics import OutputTopics
from streams.figures import write_figures
from streams.kafka.broker import bootstrap
from streams.replay import Replay
from streams.settings import Settings
from streams.settings_groups import Guard
from streams.sources.kafka import Sender
from streams.sources.lines import Lines, Naming, encode
from streams.sources.rows import Rows

LEAD_SECONDS = 45.0  # for the worker to start and to read everything before the deadline
AFTER_SECONDS = 12.0  # of looking on after the deadline
GRACE_SECONDS = 1.0
START = 1_700_000_000.0


class Due(NamedTuple):
    """A silence that is due: who, and when, in the unmoved time."""

    customer: str
    deadline: float


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--customers", type=int, default=3000)
    options = arguments.parse_args()
    with bootstrap(None) as broker:
        figures = asyncio.run(run(broker, options.customers))
    write_figures("silence", figures)
    fine = figures["alerts_after_last_event"] and not (
        figures["false_before_deadline"] or figures["missing"] or figures["unexpected"]
    )
    sys.exit(not fine)


async def run(broker: str, customers: int) -> dict[str, float]:
    settings = named(
        broker,
        f"silence-{int(time.time()):x}",
        allowed_lateness_seconds=GRACE_SECONDS,
        guard=Guard(enabled=False),
    )
    await create_topics(settings)
    last, due = foresee(settings, customers)
    target = due[0]
    options = {"allowed_lateness_seconds": str(GRACE_SECONDS), "guard_enabled": "false"}
    worker = Worker(settings.group, environment(settings, **options))
    with workers(worker):
        shift = round(time.time() + LEAD_SECONDS - target.deadline, 3)
        console.print(
            f"{target.customer} falls due {target.deadline - last:.0f} s after the last event of "
            f"anybody: in {LEAD_SECONDS:.0f} s from now"
        )
        total = await send(settings, customers, shift)
        await wait_until_consumed(settings, total, [worker], LEAD_SECONDS - 5)
        read_by = time.time()
        await asyncio.sleep(target.deadline + shift + AFTER_SECONDS - read_by)
        looked_until = time.time()
    alerts = await stamped_alerts(settings)
    quiet_from = read_by + GRACE_SECONDS
    quiet = {
        d.customer: d.deadline + shift
        for d in due
        if quiet_from < d.deadline + shift < looked_until - GRACE_SECONDS - 3
    }
    opened = {a["customer_id"]: a for a in alerts if a["committed"] > read_by + GRACE_SECONDS + 1}
    show(quiet, opened)
    return {
        "events": total,
        "customers": customers,
        "last_event_before_deadline_seconds": target.deadline - last,
        "alerts_after_last_event": len(opened),
        "false_before_deadline": sum(a["committed"] < a["deadline"] for a in alerts),
        "missing": len(quiet.keys() - opened.keys()),
        "unexpected": len(opened.keys() - {d.customer for d in due}),
        "deadline_to_alert_seconds": max(
            (opened[c]["committed"] - at for c, at in quiet.items() if c in opened), default=0.0
        ),
        "grace_seconds": GRACE_SECONDS,
    }


def simulated(customers: int, start: float) -> Iterator[Lines]:
    """The customers' last year, in event-time order."""
    scenario = Scenario(customers=customers, days=200, seed=11, start=start, drifting=0.3)
    for chunk in Simulation(scenario).events():
        yield from encode(chunk, Naming())


def foresee(settings: Settings, customers: int, start: float = START) -> tuple[float, list[Due]]:
    """The last event's time, and the silences that fall due in the hours behind it, in order."""
    replay = Replay(settings)
    lines = list(simulated(customers, start))
    sources = {}
    for source in {line.source for line in lines}:
        sources[source] = iter([_rows(line) for line in lines if line.source is source])
    for _ in replay.run(sources):
        pass
    last = max(float(line.times[-1]) for line in lines)
    (life,) = replay.lives
    decided = engine.advance(life.state, last + 2 * 86_400)
    opened = decided.records[decided.records["status"] == Status.OPENED]
    due = [
        Due(life.state.customer_id(int(record["row"])).decode(), float(record["time"]))
        for record in opened
        if record["time"] > last + 60
    ]
    return last, due


def _rows(line: Lines) -> Rows:
    numbers = np.arange(1, len(line.values) + 1)
    return Rows(Path("simulated"), line.source, line.values, line.keys, line.times, numbers)


async def send(settings: Settings, customers: int, shift: float) -> int:
    """Send the same events, moved by `shift` seconds; how many they were."""
    async with Sender(settings) as sender:
        for line in simulated(customers, START + shift):
            await sender.send([line])
    return sum((await ends(settings, settings.topics.inputs)).values())


async def stamped_alerts(settings: Settings) -> list[dict[str, Any]]:
    """Opened alerts with their deadline and the time of their commit, seconds since the epoch."""
    topic = OutputTopics(settings.topics.prefix).alerts
    records = await read_all(settings, topic)
    alerts = []
    for record in records:
        alert = orjson.loads(record.value)
        if alert["status"] == "opened":
            stamp = {"committed": record.timestamp / 1000, "deadline": seconds(alert["opened_at"])}
            alerts.append({**alert, **stamp})
    return alerts


def show(quiet: dict[str, float], opened: dict[str, dict[str, Any]]) -> None:
    table = Table("customer", "deadline → alert", "why", title="after the last event of anybody")
    for customer, alert in opened.items():
        delay = alert["committed"] - quiet.get(customer, alert["deadline"])
        table.add_row(customer, f"{delay:.2f} s", alert["reasons"][0]["text"])
    console.print(table)


if __name__ == "__main__":
    main()
