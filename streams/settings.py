"""Every setting: meaning, default, bounds and where its value comes from.

Later wins: default < TOML file < profile file < environment < flag. One name serves all three:

    TOML          [web] port = 6067        (./offbeat.toml, OFFBEAT_CONFIG or --config)
    profile file  alert_cost_days = 20     (OFFBEAT_PROFILE_FILE or --profile; over [profile] above)
    environment   OFFBEAT_WEB_PORT=6067
    flag          load(web_port=6067)

A key nobody knows is an error, because a typing mistake would otherwise be a default in silence.
Secrets come from a file or from the environment only: a flag shows in `ps`, a TOML file in git.
`Settings(...)` itself reads nothing; only `load` looks at the world.
"""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from streams.calendar import operational_clock, source_guard
from streams.errors import ConfigurationError
from streams.settings_groups import (
    Alignment,
    Bootstrap,
    Calendar,
    Console,
    Dlq,
    Guard,
    Kafka,
    Log,
    Model,
    Policy,
    Seconds,
    Topics,
    Web,
    Word,
)
from streams.settings_sources import PREFIX, REMEDY, Source, accepted, explain, gather, overlay

if TYPE_CHECKING:
    from detectors.profile import Profile

# Parameters that are settings of their own: the shell has to know them too, or they are written
# otherwise there. What is divided over the partitions is not the same number in both.
SHARED = frozenset(
    {
        "allowed_lateness_seconds",
        "win_back_price",
        "win_back_currency",
        "win_back_medians",
        "cooldown_days",
        "alert_budget",
    }
)


MOST_PORT = 65_535


class Settings(BaseSettings):
    """All settings of a worker or command; frozen. See `load`."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        env_ignore_empty=True,
    )

    broker: Bootstrap = Field(
        default="127.0.0.1:9092", description="bootstrap servers, host:port[,host:port]"
    )
    group: Word = Field(
        default="offbeat", description="consumer group; starts every transactional id"
    )
    tenant: Word = Field(
        default="default", description="whose customers these are; part of alert ids"
    )
    clock: Literal["wall", "event"] = Field(
        default="wall",
        description="what moves an input that is read to its end: this clock, or nothing",
    )
    # Producers batch for milliseconds and retry for seconds; silence is counted in days.
    allowed_lateness_seconds: float = Field(
        default=60.0,
        ge=0,
        allow_inf_nan=False,
        description="grace after a deadline before it is decided",
    )
    # NTP keeps machines within a second; phones and shop tills are off by minutes.
    max_clock_skew_seconds: Seconds = Field(
        default=300.0,
        description="how far in the future an event may be before it is a dead letter",
    )
    # The longest that a decision waits to be published; a commit has a fixed cost, so not shorter.
    checkpoint_seconds: Seconds = Field(
        default=0.5,
        description="between two transactions of a partition; longer behind a backlog",
    )
    # Six session timeouts: a rebalance and a recovery are not a stall.
    stall_seconds: Seconds = Field(
        default=60.0, description="lag without progress: then a worker ends itself"
    )
    # Below the 30 s that Kubernetes waits before it kills; above the last commit's bound, 0.8
    # session timeouts.
    stop_seconds: Seconds = Field(
        default=25.0, description="longest way from SIGTERM to the end of a worker"
    )
    # One process uses one core, and a partition is one process's.
    processes: int = Field(
        default=1, ge=1, le=4096, description="workers that `offbeat worker` runs on this machine"
    )
    data_dir: Path | None = Field(
        default=None, description="folder that Faust names in the process's title; not made"
    )
    kafka: Kafka = Field(default=Kafka(), description="connection")
    topics: Topics = Field(default=Topics(), description="topics")
    dlq: Dlq = Field(default=Dlq(), description="dead letters")
    alignment: Alignment = Field(default=Alignment(), description="alignment of the inputs")
    web: Web = Field(default=Web(), description="web server")
    console: Console = Field(default=Console(), description="pages about customers")
    calendar: Calendar = Field(default=Calendar(), description="when customers may be expected")
    guard: Guard = Field(default=Guard(), description="inputs that are out")
    profile: dict[str, float | tuple[float, ...]] = Field(
        default_factory=dict, description="detector parameters"
    )
    policy: Policy = Field(default=Policy(), description="what is held back")
    model: Model = Field(default=Model(), description="online model")
    log: Log = Field(default=Log(), description="log")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments only: so that a `Settings` made in a test does not depend on the machine."""
        return (init_settings,)


def load(config: Path | None = None, profile_file: Path | None = None, **flags: Any) -> Settings:
    """Settings from everywhere, checked.

    `profile_file` is a file of detector parameters alone. `flags` by the flat name (`web_port=0`);
    one that is None was not given.
    Raises ConfigurationError that names the key, where it was set and what would be accepted.
    """
    return merge(gather(Settings, config, flags, profile_file))


def merge(found: list[Source]) -> Settings:
    """One `Settings` out of all sources. Raises ConfigurationError with every mistake in it."""
    try:
        settings = Settings(**overlay(found))
    except ValidationError as error:
        raise explain(Settings, error, found) from None
    if settings.profile or settings.calendar != Calendar():
        detector_profile(settings)
    return settings


def detector_profile(settings: Settings) -> "Profile":
    """The detectors' parameters, of one partition, with this installation's overrides.

    Raises ConfigurationError.
    """
    from detectors.judgement.value import currency_code  # noqa: PLC0415 (numba: most do without it)
    from detectors.profile import Profile, tunables  # noqa: PLC0415 (likewise)

    policy = settings.policy
    names = [name for name in tunables() if name not in SHARED]
    unknown = [name for name in settings.profile if name not in names]
    if unknown:
        raise ConfigurationError(
            f"no such parameter. {accepted(unknown[0], names)}",
            where=f"profile.{unknown[0]}",
            remedy=REMEDY,
        )
    try:
        clock = operational_clock(settings.calendar)
    except ValueError as error:
        raise ConfigurationError(str(error), where="calendar", remedy=REMEDY) from error
    try:
        given: dict[str, Any] = settings.profile
        return Profile(
            **given,
            allowed_lateness_seconds=settings.allowed_lateness_seconds,
            win_back_price=policy.win_back_price,
            win_back_currency=float(currency_code(policy.win_back_currency)),
            win_back_medians=policy.win_back_medians,
            cooldown_days=policy.cooldown_days,
            alert_budget=policy.alerts_per_day / settings.topics.partitions,
            clock=clock,
            guard=source_guard(settings.guard),
        )
    except ValueError as error:
        raise ConfigurationError(str(error), where="profile", remedy=REMEDY) from error


def numbered(settings: Settings, process: int) -> Settings:
    """The same for one process of several, counted from 0: its own port and folder."""
    web = settings.web
    if web.port:
        if web.port + process > MOST_PORT:
            raise ConfigurationError(
                f"{settings.processes} processes need the ports {web.port} to "
                f"{web.port + settings.processes - 1}; accepted: up to {MOST_PORT}",
                where="web.port",
                remedy="Set a lower one, or 0: each then takes a free one.",
            )
        web = web.model_copy(update={"port": web.port + process})
    folder = settings.data_dir or Path(f"offbeat-{settings.group}")
    own = folder.with_name(f"{folder.name}-{process}")
    return settings.model_copy(update={"web": web, "data_dir": own})


def with_partitions(settings: Settings, partitions: int) -> Settings:
    """The same for inputs of so many partitions: budgets are divided over them."""
    topics = settings.topics.model_copy(update={"partitions": partitions})
    return settings.model_copy(update={"topics": topics})


def config_hash(settings: Settings) -> str:
    """12 hex digits over all that may change what is decided, the detectors' defaults included.

    Equal hashes and equal topics give equal alerts. What only changes speed, place or names (the
    broker, fetch sizes, checkpoints, the web server, the log) stays out.
    """
    decisive = {
        "profile": dataclasses.asdict(detector_profile(settings)),
        "clock": settings.clock,
        "partitioner": settings.topics.partitioner,
        "max_clock_skew_seconds": settings.max_clock_skew_seconds,
        "model": settings.model.model_dump(mode="json", exclude={"refit_days"}),
    }
    text = json.dumps(decisive, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
