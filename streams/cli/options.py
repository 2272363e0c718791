"""Flags that several commands share, so that they are called and explained the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path | None,
    typer.Option("--config", help="TOML file of settings; default ./offbeat.toml, if it is there."),
]
Broker = Annotated[
    str | None, typer.Option("--broker", help="Bootstrap servers, host:port[,host:port].")
]
ProfileFile = Annotated[
    Path | None,
    typer.Option(
        "--profile",
        help="TOML file of detector parameters, as fit and calibrate write; default "
        "OFFBEAT_PROFILE_FILE.",
    ),
]
