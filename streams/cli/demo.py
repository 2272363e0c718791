"""`offbeat demo`: a year of real baskets through a real broker and a real worker, in a minute."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from streams.cli import options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from streams.demo.process import WorkerProcess
    from streams.demo.show import Show
    from streams.demo.watch import Watch
    from streams.settings import Settings

FOLDER = Path("build/demo")

_PARTITIONS = 4
_READY_SECONDS = (
    90.0  # the first worker on a machine compiles the core, which takes most of a minute
)
_REST_SECONDS = 60.0  # longest that the worker may take for what is left when all was sent
_POLL_SECONDS = 0.25
_STATUSES = ("opened", "updated", "resolved", "expired")
_METRICS = (
    "offbeat_events_total",
    "offbeat_alerts_total",
    "offbeat_dead_letters_total",
    "offbeat_examples_total",
    "offbeat_state_customers",
    "offbeat_open_episodes",
)


def command(
    seconds: Annotated[
        float, typer.Option(min=1, help="The year is sent within so many seconds.")
    ] = 35.0,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave broker and worker running until Ctrl-C.")
    ] = False,
    broker: options.Broker = None,
) -> None:
    """Send a year of real baskets through Kafka and watch who falls off their beat.

    155,848 baskets of 2,469 households (the Complete Journey, 2017), and visits, payments and
    support simulated around them. Starts Apache Kafka unless --broker or OFFBEAT_BROKER names one,
    makes topics, starts a worker, sends everything in event-time order, shows the alerts. On a
    broker of yours all names are the demo's own, and stay there.
    """
    from rich.console import Console

    from streams.kafka.broker import bootstrap

    console = Console()
    given = broker or os.environ.get("OFFBEAT_BROKER")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with bootstrap(given, console) as address:
            settings = _settings(address, own_names=given is not None)
            asyncio.run(_run(settings, seconds, keep=keep, console=console))
    except KeyboardInterrupt:
        console.print("Stopped.")
        raise typer.Exit(130) from None


def _settings(address: str, *, own_names: bool) -> Settings:
    """The worker's settings; on somebody's broker, names that nobody else has."""
    from streams.settings import load

    names: dict[str, Any] = {}
    if own_names:
        name = f"demo-{int(time.time())}"
        names = {f"topics_{source}": f"{name}.{source}" for source in _inputs()}
        names |= {"topics_prefix": name, "group": name}
    return load(
        None,
        broker=address,
        clock="event",  # time runs in the events alone, ten days a second
        web_port=_free_port(),
        topics_partitions=_PARTITIONS,
        **names,
    )


def _environment(settings: Settings) -> dict[str, str]:
    topics = settings.topics
    inputs = dict(zip(_inputs(), topics.inputs, strict=True))
    return {
        "OFFBEAT_BROKER": settings.broker,
        "OFFBEAT_GROUP": settings.group,
        "OFFBEAT_CLOCK": settings.clock,
        "OFFBEAT_DATA_DIR": str(FOLDER / "data"),
        "OFFBEAT_WEB_PORT": str(settings.web.port),
        "OFFBEAT_TOPICS_PREFIX": topics.prefix,
        "OFFBEAT_TOPICS_PARTITIONS": str(topics.partitions),
        **{f"OFFBEAT_TOPICS_{name.upper()}": topic for name, topic in inputs.items()},
    }


def _inputs() -> list[str]:
    from detectors.observations import Input

    return [source.name.lower() for source in Input]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Result(NamedTuple):
    """What a run came to."""

    events: int
    seconds: float


async def _run(settings: Settings, seconds: float, *, keep: bool, console: Console) -> None:
    from schemas.topics import OutputTopics
    from streams.demo.process import WorkerProcess
    from streams.demo.show import Show
    from streams.demo.watch import watching
    from streams.kafka.topics import create

    await create(settings)
    log = FOLDER / "worker.log"
    process = WorkerProcess(_environment(settings), settings.web.port, log)
    with process as worker:
        alerts = OutputTopics(settings.topics.prefix).alerts
        console.print(f"Kafka is at {settings.broker}; alerts go to {alerts}.")
        console.print(f"The worker's pages are at {worker.pages}.")
        with _waiting(console, "Waiting for the worker; its first start compiles the core"):
            await worker.ready(_READY_SECONDS)
        async with watching(settings) as watch:
            with Show(console) as show:
                result = await _play(settings, seconds, worker, watch, show)
            await _conclude(result, worker, show, console)
        if keep:
            console.print("Broker and worker go on running. Ctrl-C ends them.")
            while True:
                worker.check()
                await asyncio.sleep(1.0)


@contextmanager
def _waiting(console: Console, what: str) -> Iterator[None]:
    if console.is_terminal:
        with console.status(f"{what} …"):
            yield
    else:
        console.print(f"{what} …")
        yield


async def _play(
    settings: Settings, seconds: float, worker: WorkerProcess, watch: Watch, show: Show
) -> Result:
    """Send, and show what comes, until the worker has committed everything."""
    from streams.sources.complete_journey import year

    events = await asyncio.to_thread(year)
    started = time.monotonic()
    (FOLDER / "alerts.jsonl").unlink(missing_ok=True)
    sending = asyncio.create_task(_send(settings, events, seconds, show))
    try:
        while not sending.done():
            worker.check()
            _take(await watch.alerts(_POLL_SECONDS), show)
        await sending
        await _rest(worker, watch, show)
    finally:
        sending.cancel()
    elapsed = time.monotonic() - started
    _take(await watch.remaining_alerts(), show)
    return Result(events.size, elapsed)


async def _send(settings: Settings, events: NDArray[np.void], seconds: float, show: Show) -> None:
    """Everything in event-time order, time compressed."""
    from detectors.observations import Input
    from streams.sources.complete_journey import NAMING
    from streams.sources.kafka import Sender
    from streams.sources.lines import encode
    from streams.sources.pace import Pace

    span = float(events["time"][-1] - events["time"][0])
    async with Sender(settings) as sender:
        started = time.monotonic()
        for due, part in Pace(compress=span / seconds).split([events]):
            await asyncio.sleep(max(0.0, started + due - time.monotonic()))
            lines = encode(part, NAMING)
            # purchases first: what the other streams say of the same hours then finds them there
            await sender.send(of for of in lines if of.source is Input.PURCHASES)
            await sender.flush()
            await sender.send(of for of in lines if of.source is not Input.PURCHASES)
            show.sent += part.size
            show.day = lines[-1].values[-1].partition(b'"event_time":"')[2][:10].decode()


async def _rest(worker: WorkerProcess, watch: Watch, show: Show) -> None:
    """Until the group's committed offsets are the ends of all inputs.

    Raises:
        StalledError: they were not in time.
    """
    from streams.errors import StalledError

    behind = -1
    try:
        async with asyncio.timeout(_REST_SECONDS):
            while behind := await watch.behind():
                worker.check()
                _take(await watch.alerts(_POLL_SECONDS), show)
    except TimeoutError as error:
        raise StalledError(
            f"{behind:,} events were not committed {_REST_SECONDS:g} s after the last one was sent",
            where=worker.pages,
            remedy=f"See {FOLDER / 'worker.log'}. On a slow machine give --seconds 90.",
        ) from error


def _take(values: list[bytes], show: Show) -> None:
    from schemas.alerts import decode

    with (FOLDER / "alerts.jsonl").open("ab") as file:
        file.writelines(value + b"\n" for value in values)
    show.add(decode(value) for value in values)


async def _conclude(result: Result, worker: WorkerProcess, show: Show, console: Console) -> None:
    from streams.cli.alert_table import counts_line
    from streams.figures import write_figures

    await asyncio.sleep(1.0)  # the gauges follow a commit at the next tick
    metrics = await worker.metrics()
    console.print(
        f"\n{result.events:,} events; alerts: {counts_line(show.counts)}; {FOLDER / 'alerts.jsonl'}"
    )
    console.print(f"Metrics were served at {worker.pages}/metrics, among them:")
    for name in _METRICS:
        console.print(f"  {name} {metrics.get(name, 0.0):,.0f}", highlight=False)
    write_figures(
        "demo",
        {
            "events": result.events,
            **{f"alerts_{status}": show.counts[status] for status in _STATUSES},
            "dead_letters": int(metrics.get("offbeat_dead_letters_total", 0.0)),
            "seconds": round(result.seconds, 1),
            "events_per_second": round(result.events / result.seconds),
        },
        console,
    )
