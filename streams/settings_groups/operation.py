"""What a worker shows of itself: its pages and its log."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from streams.settings_groups.forms import Group, Port


class Web(Group):
    """The worker's own pages: health and metrics for whoever asks, and the console."""

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on")
    port: Port = Field(default=6066, description="port; 0 takes a free one")


class Console(Group):
    """The pages about customers: who is at risk, and why. They want a token off loopback."""

    enabled: bool = Field(default=True, description="serve /console/ on the web server")
    token: SecretStr | None = Field(default=None, description="environment only; or the file below")
    token_file: Path | None = Field(default=None, description="file that holds the token alone")

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        if self.token is not None and self.token_file is not None:
            raise ValueError("token and token_file are both given; keep one")
        return self

    @field_validator("token_file")
    @classmethod
    def _is_a_file(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError(f"{path} is not there; accepted: the path of a readable file")
        return path


class Log(Group):
    """What the worker writes to stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least severity"
    )
    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="auto: console on a terminal, JSON otherwise"
    )
