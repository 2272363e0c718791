"""`offbeat broker`: Apache Kafka in the foreground, for trying things out."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer


def command(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")
    ] = 9092,
    data: Annotated[
        Path | None, typer.Option(help="Folder that keeps the data; a temporary one by default.")
    ] = None,
) -> None:
    """Run one Kafka node on this machine until Ctrl-C.

    Prints its address on standard output when it answers; everything else is on standard error.
    """
    from rich.console import Console

    from streams.kafka.broker import EmbeddedBroker

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    console = Console(stderr=True)
    with EmbeddedBroker(data, port=port or None, console=console) as broker:
        print(broker.bootstrap, flush=True)
        console.print(
            f"Kafka is up (process {broker.pid}). Point offbeat at it with "
            f"OFFBEAT_BROKER={broker.bootstrap}; Ctrl-C ends it."
        )
        try:
            broker.wait()
        except KeyboardInterrupt:
            console.print("Ending Kafka …")
