"""Events a second and CPU an event: offbeat's worker beside a stock Faust agent, on one Kafka.

offbeat reads all four inputs with durable state, every detector, the model and transactions twice a
second; stock Faust reads the purchases alone and writes one table. Both find their events in the
topics before they start, and are measured in one run over the middle of their way, after start and
compilation.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from statistics import median
from typing import NamedTuple

from benchmarks.harness import (
    Worker,
    committed,
    console,
    cpu_seconds,
    create_topics,
    ends,
    environment,
    named,
    workers,
)
from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation
from streams.cli.progress import progress
from streams.figures import write_figures
from streams.kafka.broker import bootstrap
from streams.settings import Settings
from streams.sources.kafka import Sender
from streams.sources.lines import Naming, encode

MEASURED = (0.15, 0.95)  # of the way: without the start, and without the last, smaller fetches
AT_LEAST = 50  # times as many events a second as stock Faust
ROUNDS = 3  # of both in turn: shared machines are faster at times; medians are printed
PEER_EVENTS = (2_000, 32_000)  # of stock Faust: it needs some 10 s for as many


class Round(NamedTuple):
    """One after the other, so that both meet the same machine: events a second, CPU us an event."""

    peer_rate: float
    peer_cpu: float
    rate: float
    cpu: float


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--customers", type=int, default=20_000)
    arguments.add_argument("--days", type=float, default=270.0)
    arguments.add_argument("--measure-only", action="store_true", help="exit 0 whatever it is")
    options = arguments.parse_args()
    with bootstrap(None) as broker:
        figures = asyncio.run(run(broker, options.customers, options.days))
    write_figures("throughput", figures)
    sys.exit(not options.measure_only and figures["ratio_stock_faust"] < AT_LEAST)


async def run(broker: str, customers: int, days: float) -> dict[str, float]:
    stamp = format(int(time.time()), "x")
    inputs = named(broker, f"speed-{stamp}", clock="event")
    await create_topics(inputs)
    total = await fill(inputs, customers, days)
    rounds: list[Round] = []
    for number in range(ROUNDS):
        name = f"speed-{stamp}-{number}"
        settings = named(broker, name, inputs=inputs.group, clock="event")
        await create_topics(settings)
        console.print(f"round {number + 1} of {ROUNDS}: stock Faust, then offbeat …")
        rounds.append(
            Round(*stock_faust(settings, f"stock-{name}"), *await offbeat(settings, total))
        )
    return {
        "events": total,
        "customers": customers,
        "rounds": ROUNDS,
        "events_per_second": median(r.rate for r in rounds),
        "cpu_us_an_event": median(r.cpu for r in rounds),
        "stock_faust_events_per_second": median(r.peer_rate for r in rounds),
        "stock_faust_cpu_us_an_event": median(r.peer_cpu for r in rounds),
        "ratio_stock_faust": median(r.rate / r.peer_rate for r in rounds),
        "ratio_stock_faust_cpu": median(r.peer_cpu / r.cpu for r in rounds),
    }


async def fill(settings: Settings, customers: int, days: float) -> int:
    simulation = Simulation(Scenario(customers=customers, days=days, seed=1))
    with progress("Sending") as advance:
        async with Sender(settings) as sender:
            for chunk in simulation.events():
                await sender.send(encode(chunk, Naming()))
                advance(len(chunk))
    return sum((await ends(settings, settings.topics.inputs)).values())


async def offbeat(settings: Settings, total: int) -> tuple[float, float]:
    """Events a second and CPU us an event of one worker, by the group's committed offsets."""
    worker = Worker(settings.group, environment(settings))
    marks: list[tuple[int, float, float]] = []
    with workers(worker), progress("offbeat", total) as advance:
        done = 0
        while done < total * MEASURED[1]:
            if not worker.running:
                raise RuntimeError(f"the worker ended; see {worker.log_path}")
            now = await committed(settings)
            advance(now - done)
            done = now
            if done <= total * MEASURED[0]:
                marks.clear()  # the last one before the measured part is where it begins
            marks.append((done, time.monotonic(), cpu_seconds(worker.pid)))
            await asyncio.sleep(0.5)
    return between(marks)


def stock_faust(settings: Settings, group: str) -> tuple[float, float]:
    """The same of the peer, by what it says itself."""
    command = [sys.executable, "-m", "benchmarks.peers.stock_faust"]
    arguments = [settings.broker, settings.topics.purchases, group]
    marks: list[tuple[int, float, float]] = []
    with (
        subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True) as peer,
        progress("stock Faust", PEER_EVENTS[1]) as advance,
    ):
        assert peer.stdout is not None
        try:
            for line in peer.stdout:
                if not line.startswith("events "):
                    continue
                advance(1000)
                events = int(line.split()[1])
                if events >= PEER_EVENTS[0]:
                    marks.append((events, time.monotonic(), cpu_seconds(peer.pid)))
                if events >= PEER_EVENTS[1]:
                    break
        finally:
            peer.kill()
    return between(marks)


def between(marks: list[tuple[int, float, float]]) -> tuple[float, float]:
    (first, since, cpu_since), (last, until, cpu_until) = marks[0], marks[-1]
    return (last - first) / (until - since), (cpu_until - cpu_since) / (last - first) * 1e6


if __name__ == "__main__":
    main()
