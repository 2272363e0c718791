"""offbeat beside its peers: the same topics, the same data, one after the other, several times."""

import asyncio
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from benchmarks.harness import committed, console, cpu_seconds, create_topics, ends, named
from benchmarks.speed.contestants import (
    Contestant,
    build_peers,
    output_topic,
    running,
)
from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation
from streams.cli.progress import progress
from streams.settings import Settings
from streams.sources.kafka import Sender
from streams.sources.lines import Naming, encode

MEASURED = (0.15, 0.95)  # of the way: without the start, and without the last, smaller fetches
MOST_SECONDS = 300.0
FOLDER = Path("build/race")


class Speed(NamedTuple):
    """Of one contestant in one round."""

    events_a_second: float
    cpu_us: float


class Shop(NamedTuple):
    """Whose events they race over."""

    customers: int
    days: float


async def fill(settings: Settings, shop: Shop) -> int:
    """Put simulated events into the inputs; how many records they hold then."""
    simulation = Simulation(Scenario(customers=shop.customers, days=shop.days, seed=1))
    with progress("Sending") as advance:
        async with Sender(settings) as sender:
            for chunk in simulation.events():
                await sender.send(encode(chunk, Naming()))
                advance(len(chunk))
    return sum((await ends(settings, settings.topics.inputs)).values())


async def race(
    broker: str, shop: Shop, contestants: Sequence[Contestant], rounds: int
) -> dict[str, list[Speed]]:
    """Every contestant's speeds, a round each, by key; who cannot take part is left out, and said.

    All read the same topics, each as a group of its own, from their beginning.
    """
    inputs = named(broker, f"race-{int(time.time()):x}", clock="event")
    await create_topics(inputs)
    missing = build_peers([contestant.key for contestant in contestants])
    for key, why in missing.items():
        console.print(f"[yellow]{key} cannot take part: {why}", markup=True)
    total = await fill(inputs, shop)
    found: dict[str, list[Speed]] = {}
    for number in range(rounds):
        for contestant in contestants:
            if contestant.key not in missing:
                name = f"{inputs.group}-{contestant.key}-{number}"
                settings = named(broker, name, inputs=inputs.group, clock="event")
                await create_topics(settings)
                await _create(settings, output_topic(settings))
                speed = await _run(contestant, settings, min(total, contestant.events))
                found.setdefault(contestant.key, []).append(speed)
    return found


async def _create(settings: Settings, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.broker)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, settings.topics.partitions, 1)])
    finally:
        await admin.close()


async def _run(contestant: Contestant, settings: Settings, wanted: int) -> Speed:
    folder = FOLDER / settings.group
    marks: list[tuple[int, float, float]] = []
    with running(contestant, settings, folder) as (process, log):
        said = _said(process) if contestant.says else None
        until = time.monotonic() + MOST_SECONDS
        with progress(contestant.name, wanted) as advance:
            done = 0
            while done < wanted * MEASURED[1]:
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{contestant.name} came to {done} of {wanted}; see {log}")
                now = said() if said else await _committed(settings)
                advance(now - done)
                if now != done or not marks:
                    done = now
                    if done <= wanted * MEASURED[0]:
                        marks.clear()  # the last one before the measured part is where it begins
                    marks.append((done, time.monotonic(), cpu_seconds(process.pid)))
                await asyncio.sleep(0.1)
    (first, since, cpu_since), (last, ended, cpu_ended) = marks[0], marks[-1]
    return Speed((last - first) / (ended - since), (cpu_ended - cpu_since) / (last - first) * 1e6)


async def _committed(settings: Settings) -> int:
    try:
        return await committed(settings)
    except KafkaError:  # a group that nobody has joined yet
        return 0


def _said(process: subprocess.Popen[str]) -> Callable[[], int]:
    """How many events a process that prints "events <n>" has taken."""
    newest = [0]

    def read() -> None:
        for line in process.stdout or ():
            if line.startswith("events "):
                newest[0] = int(line.split()[1])

    threading.Thread(target=read, daemon=True).start()
    return lambda: newest[0]


def figures(found: dict[str, list[Speed]]) -> dict[str, float]:
    """Medians, and how many times as fast offbeat was, round by round."""
    flat: dict[str, float] = {}
    ours = found["offbeat"]
    for key, speeds in found.items():
        flat[f"{key}_events_per_second"] = median(s.events_a_second for s in speeds)
        flat[f"{key}_cpu_us_an_event"] = median(s.cpu_us for s in speeds)
        if key != "offbeat":
            pairs = list(zip(ours, speeds, strict=True))
            wall = median(us.events_a_second / peer.events_a_second for us, peer in pairs)
            flat[f"ratio_{key}_wall"] = wall
            flat[f"ratio_{key}_cpu"] = median(peer.cpu_us / us.cpu_us for us, peer in pairs)
    return flat
