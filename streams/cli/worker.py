"""`offbeat worker`: one worker of the group, in the foreground."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from streams.cli.options import Broker, Config, ProfileFile

if TYPE_CHECKING:
    from streams.settings import Settings


def command(
    config: Config = None,
    profile: ProfileFile = None,
    broker: Broker = None,
    group: Annotated[str | None, typer.Option(help="Consumer group.")] = None,
    clock: Annotated[
        str | None, typer.Option(help="wall, or event: time runs in the events alone.")
    ] = None,
    web_port: Annotated[
        int | None,
        typer.Option(help="Port of the pages; 0 is a free one. Of several processes the first's."),
    ] = None,
    processes: Annotated[
        int | None, typer.Option(help="Workers to run on this machine; one uses one core.")
    ] = None,
    process: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Read the four inputs, keep every customer's state, write alerts.

    Checks the topics first, and refuses to start when they could lose or mix up events.
    """
    # until Faust takes the signal over there is nothing to save, and nobody to tell
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    gc.disable()  # till `_calm_collector`: what is imported stays, and a tenth of that is looking

    from streams.ops import logs
    from streams.settings import load, numbered

    flags = {
        "broker": broker,
        "group": group,
        "clock": clock,
        "web_port": web_port,
        "processes": processes,
    }
    settings = load(config, profile, **flags)
    logs.configure(settings.log, process=process)

    from streams.errors import OffbeatError

    try:
        if process is not None:
            _supervised(numbered(settings, process), process)
        elif settings.processes > 1:
            numbered(settings, settings.processes - 1)  # an error is told here, once
            _supervise(settings, {"config": config, "profile": profile, **flags})
        else:
            _run(settings)
    except OffbeatError:
        raise  # is told on one line
    except Exception as error:  # noqa: BLE001 (Python's own exit code, 1, would say nothing)
        from streams.process import end_process

        end_process(error)


def _supervise(settings: Settings, flags: Mapping[str, object]) -> NoReturn:
    """Run the same command once for each process, with its number."""
    from streams.supervisor import supervise

    given = [
        word
        for name, value in flags.items()
        if value is not None
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]
    numbers = range(settings.processes)
    commands = [["worker", *given, "--process", str(number)] for number in numbers]
    sys.exit(asyncio.run(supervise(commands, settings.stop_seconds)))


def _supervised(settings: Settings, process: int) -> None:
    from streams.supervisor import end_with_supervisor

    end_with_supervisor()
    _run(settings, first=process == 0)


def _run(settings: Settings, *, first: bool = True) -> None:
    from streams import app, loop, warmup
    from streams.kafka import permissions
    from streams.kafka.topics import require
    from streams.ops import logs
    from streams.process import BoundedWorker
    from streams.settings import with_partitions

    log = logs.logger(__name__)
    begun = time.monotonic()
    asyncio.run(permissions.require(settings))
    findings, partitions = asyncio.run(require(settings))
    for finding in findings:
        log.warning(logs.TOPICS_WARNING, finding=str(finding))
    if first and settings.processes > partitions:
        log.warning(
            logs.PROCESSES_IDLE,
            finding=f"{settings.processes} processes for {partitions} partitions: "
            f"{settings.processes - partitions} have nothing to do but stand by",
        )
    checked = time.monotonic()
    log.info(logs.TOPICS_CHECKED, partitions=partitions, seconds=round(checked - begun, 3))
    loop.install()
    warmup.load_kernels()
    log.info(logs.KERNELS_LOADED, seconds=round(time.monotonic() - checked, 3))
    _calm_collector()
    worker = BoundedWorker(
        app.create(with_partitions(settings, partitions)),
        stop_seconds=settings.stop_seconds,
        quiet=True,
        override_logging=False,
        redirect_stdouts=False,
        loglevel=settings.log.level,
    )
    worker.run()


def _calm_collector() -> None:
    """Let Python's collector of cycles look seldom: a worker makes few, and many objects.

    What is loaded by now stays for good. Every 700 objects, the default, cost a worker a tenth of
    its time; every 100,000 are a few megabytes.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    gc.enable()
