"""What a worker shows of itself: its pages and its log."""

from typing import Literal

from pydantic import Field

from streams.settings_groups.forms import Group, Port


class Web(Group):
    """The worker's own pages: health, metrics, console. No authentication, hence loopback."""

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on")
    port: Port = Field(default=6066, description="port; 0 takes a free one")


class Log(Group):
    """What the worker writes to stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least severity"
    )
    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="auto: console on a terminal, JSON otherwise"
    )
