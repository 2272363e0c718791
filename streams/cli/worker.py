"""`offbeat worker`: one worker of the group, in the foreground."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from streams.cli.options import Broker, Config, ProfileFile


def command(
    config: Config = None,
    profile: ProfileFile = None,
    broker: Broker = None,
    group: Annotated[str | None, typer.Option(help="Consumer group.")] = None,
    clock: Annotated[
        str | None, typer.Option(help="wall, or event: time runs in the events alone.")
    ] = None,
    web_port: Annotated[
        int | None, typer.Option(help="Port of the pages; 0 is a free one.")
    ] = None,
) -> None:
    """Read the four inputs, keep every customer's state, write alerts.

    Checks the topics first, and refuses to start when they could lose or mix up events.
    """
    from streams.ops import logs
    from streams.settings import load, with_partitions

    settings = load(config, profile, broker=broker, group=group, clock=clock, web_port=web_port)
    logs.configure(settings.log)

    import uvloop

    from streams import app, warmup
    from streams.kafka import permissions
    from streams.kafka.topics import require
    from streams.process import BoundedWorker

    asyncio.run(permissions.require(settings))
    findings, partitions = asyncio.run(require(settings))
    for finding in findings:
        logs.logger(__name__).warning(logs.TOPICS_WARNING, finding=str(finding))
    uvloop.install()  # a fifteenth less CPU an event than asyncio's own loop
    warmup.compile_kernels()
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
    import gc

    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
