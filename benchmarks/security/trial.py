"""One worker against one listener: it works, or it ends and says why."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

import numpy as np

from benchmarks.harness import (
    Worker,
    create_topics,
    ends,
    environment,
    named,
    read_alerts,
    wait_until_consumed,
    workers,
)
from benchmarks.security.cluster import SECRET, Cluster
from detectors.lab.scenario import Scenario
from detectors.lab.simulate import Simulation
from streams.errors import ConfigurationError
from streams.kafka.acls import acls
from streams.settings import Settings
from streams.sources.kafka import Sender
from streams.sources.lines import Lines, Naming, encode

PARTITIONS = 2
START_SECONDS = 180.0  # 5 s when idle
_run, _number = f"{int(time.time()):x}", count()


class Outcome(NamedTuple):
    """What was tried for a figure, and whether it came as promised."""

    figure: str
    what: str
    as_promised: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """How a worker ended: its exit code (None: it did not) and all that it said."""

    code: int | None
    said: str

    def refused(self, *words: str) -> bool:
        """Whether it ended as by a wrong setting, said all of `words`, and nothing it must not."""
        return (
            self.code == ConfigurationError.exit_code
            and all(word in self.said for word in words)
            and self.discreet
            and "Traceback" not in self.said
        )

    @property
    def discreet(self) -> bool:
        """Whether the password is in nothing that it said."""
        return SECRET not in self.said


def settings_of(cluster: Cluster) -> Settings:
    """Topics and group of its own, through the plain listener."""
    name = f"sec-{_run}-{next(_number)}"
    return named(cluster.bootstrap, name, partitions=PARTITIONS, customers=True, clock="event")


def events(days: tuple[float, float] = (0, 200)) -> list[Lines]:
    """What 40 customers do, half of whom change."""
    scenario = Scenario(customers=40, days=200, seed=5, drifting=0.5)
    made = np.concatenate(list(Simulation(scenario).events()))
    since, until = (scenario.start + day * 86_400 for day in days)
    return encode(made[(made["time"] >= since) & (made["time"] < until)], Naming())


async def send(settings: Settings, lines: list[Lines]) -> int:
    """Send them; how many events the inputs then hold."""
    async with Sender(settings) as sender:
        await sender.send(lines)
    return sum((await ends(settings, settings.topics.inputs)).values())


async def works(cluster: Cluster, secure: dict[str, str]) -> bool:
    """Whether a worker with these settings reads, commits and alerts, and no more allowed."""
    settings = settings_of(cluster)
    await create_topics(settings)
    await cluster.allow(acls(settings))
    total = await send(settings, events())
    worker = Worker(settings.group, environment(settings) | secure)
    with workers(worker):
        with suppress(TimeoutError):  # then there are no alerts, and the log says why
            await wait_until_consumed(settings, total, [worker], START_SECONDS)
        await asyncio.sleep(1.5)  # a tick after the last event
        code = worker.stop()
    ended = Ended(code, worker.log_path.read_text())
    return code == 0 and bool(await read_alerts(settings)) and ended.discreet


def start_and_end(settings: Settings, secure: dict[str, str]) -> Ended:
    """How a worker ends that should not get far."""
    worker = Worker(settings.group, environment(settings) | secure)
    worker.log_path.unlink(missing_ok=True)
    with workers(worker):
        code = worker.wait(START_SECONDS)
    return Ended(code, worker.log_path.read_text())
