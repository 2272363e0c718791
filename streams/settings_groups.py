"""The groups of settings, one model a group; see `streams.settings` for how they are filled.

A default carries its arithmetic; a check says what would be accepted.

One file, for a group is a dozen lines and most checks are shared.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from streams import calendar


def _written_as(pattern: str, accepted: str) -> AfterValidator:
    """A check of the form of a string, whose message says the form in words."""

    def check(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(f"accepted: {accepted}")
        return text

    return AfterValidator(check)


Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Port = Annotated[int, Field(ge=0, le=65535)]
Bytes = Annotated[int, Field(ge=1 << 10)]
# Kafka's own rule for the names of topics.
Topic = Annotated[
    str, _written_as(r"[A-Za-z0-9._-]{1,249}", "1 to 249 letters, digits, dots, dashes or _")
]
# Goes into the names of topics, into transactional ids and alert ids.
Word = Annotated[
    str, _written_as(r"[A-Za-z0-9._-]{1,64}", "1 to 64 letters, digits, dots, dashes or _")
]
# What Java and librdkafka call bootstrap.servers; IPv6 in brackets.
_ADDRESS = r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):\d{1,5}"
Bootstrap = Annotated[
    str, _written_as(rf"{_ADDRESS}(,{_ADDRESS})*", "host:port, or several with commas between")
]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kafka(_Group):
    """The connection, apart from the address."""

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="how the broker's listener speaks"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        default=None, description="how to log in, with a SASL_* protocol"
    )
    sasl_username: str | None = Field(default=None, description="user name, with a SASL_* protocol")
    sasl_password: SecretStr | None = Field(
        default=None, description="environment only; or the file below"
    )
    sasl_password_file: Path | None = Field(
        default=None, description="file that holds the password alone"
    )
    tls_ca_file: Path | None = Field(
        default=None, description="PEM of the authorities; default the system's"
    )
    tls_certificate_file: Path | None = Field(
        default=None, description="PEM of this client's certificate"
    )
    tls_key_file: Path | None = Field(
        default=None, description="PEM of the key to that certificate"
    )
    # A dead worker's partitions wait this long; 10 s survives a pause of a few seconds.
    session_timeout_seconds: Seconds = Field(
        default=10.0, description="silence after which a worker is dead"
    )
    # A third of the session timeout: two heartbeats may get lost.
    heartbeat_seconds: Seconds = Field(default=3.0, description="between heartbeats")
    # Ten times what a slow commit takes; meanwhile readers of committed data wait.
    transaction_timeout_seconds: Seconds = Field(
        default=30.0, description="after it the broker takes an unfinished checkpoint back"
    )
    # Kafka's own default: a fetch of one partition is one message and one array inside the worker.
    fetch_partition_bytes: Bytes = Field(
        default=1 << 20, description="most bytes a partition and fetch"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        sasl = self.security_protocol.startswith("SASL_")
        password = self.sasl_password is not None or self.sasl_password_file is not None
        if self.sasl_password is not None and self.sasl_password_file is not None:
            raise ValueError("sasl_password and sasl_password_file are both given; keep one")
        if sasl and not (self.sasl_mechanism and self.sasl_username and password):
            raise ValueError(
                f"security_protocol {self.security_protocol} needs sasl_mechanism, sasl_username "
                "and sasl_password_file (or OFFBEAT_KAFKA_SASL_PASSWORD)"
            )
        if not sasl and (self.sasl_mechanism or self.sasl_username or password):
            raise ValueError(
                f"sasl_* is given, but security_protocol is {self.security_protocol}; "
                "accepted with it: SASL_SSL, SASL_PLAINTEXT"
            )
        tls = (self.tls_ca_file, self.tls_certificate_file, self.tls_key_file)
        if any(tls) and not self.security_protocol.endswith("SSL"):
            raise ValueError(
                f"tls_* is given, but security_protocol is {self.security_protocol}; "
                "accepted with it: SSL, SASL_SSL"
            )
        if (self.tls_certificate_file is None) != (self.tls_key_file is None):
            raise ValueError(
                "tls_certificate_file and tls_key_file are given together or not at all"
            )
        if self.heartbeat_seconds > self.session_timeout_seconds / 2:
            raise ValueError(
                f"heartbeat_seconds is {self.heartbeat_seconds:g}; accepted: at most half of "
                f"session_timeout_seconds ({self.session_timeout_seconds:g})"
            )
        return self

    @field_validator("sasl_password_file", "tls_ca_file", "tls_certificate_file", "tls_key_file")
    @classmethod
    def _is_a_file(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError(f"{path} is not there; accepted: the path of a readable file")
        return path


class Topics(_Group):
    """Names of the topics, and how `offbeat topics create` makes them."""

    prefix: Word = Field(
        default="offbeat", description="outputs are <prefix>.alerts, <prefix>.at-risk …"
    )
    purchases: Topic = Field(default="purchases", description="input: purchases")
    visits: Topic = Field(default="visits", description="input: visits")
    payments: Topic = Field(default="payments", description="input: payments")
    support: Topic = Field(default="support", description="input: support contacts")
    # Off, so that a topic that happens to be called like that is not taken for it.
    customers: Topic | None = Field(
        default=None,
        description="reference data, compacted: says who is to be erased; default none is read",
    )
    # One process a core and at least one partition a process; more cost a producer each.
    partitions: int = Field(
        default=8, ge=1, le=4096, description="of each input, when they are created"
    )
    partitioner: Literal["murmur2", "any"] = Field(
        default="murmur2",
        description="how producers place keys; any: all of them alike, and nothing is sent on",
    )
    replication: int = Field(
        default=-1, ge=-1, le=16, description="copies; -1 is the broker's own default"
    )

    @property
    def inputs(self) -> tuple[str, str, str, str]:
        """Topic names by input code."""
        return self.purchases, self.visits, self.payments, self.support

    @property
    def sources(self) -> tuple[str, ...]:
        """All topics that producers write: the inputs, and the customers' if there is one."""
        return (*self.inputs, *([self.customers] if self.customers else []))

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.sources)) != len(self.sources):
            count = "four" if self.customers is None else "five"
            raise ValueError(f"two inputs have the same topic; accepted: {count} different names")
        return self


class Dlq(_Group):
    """When there are too many dead letters to go on; see docs/dead-letters.md."""

    # A wrong schema refuses everything; a producer of several that has gone wrong, its share.
    limit: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        allow_inf_nan=False,
        description="share of an input's last records above which a worker stops; 0: never",
    )
    # At 500 letters a mistake is plain, and so few are sent again in a moment.
    window: int = Field(
        default=1000,
        ge=10,
        le=1_000_000,
        description="records of an input's partition that the share is taken of",
    )


class Alignment(_Group):
    """How far an input may run ahead of the slowest of its partition before it is paused."""

    # A day of event time is much in live traffic and little in a replay of years.
    ahead_seconds: Seconds = Field(default=86400.0, description="of event time")
    # What a partition may hold back in memory, all inputs together.
    ahead_bytes: Bytes = Field(default=32 << 20, description="of waiting events, a partition")


class Policy(_Group):
    """What is held back rather than announced; all off by default. See docs/policy.md."""

    win_back_price: Amount = Field(
        default=0.0, description="who is worth less is not won back; 0: everybody is"
    )
    win_back_currency: Annotated[
        str, _written_as(r"([A-Z]{3})?", "three capital letters, as in EUR")
    ] = Field(
        default="", description="of that price; customers who pay in another are not held back"
    )
    win_back_medians: Amount = Field(
        default=0.0,
        description="the same in multiples of the median customer's value, any currency",
    )
    cooldown_days: Amount = Field(
        default=0.0, description="after an episode, nothing that is not more severe is announced"
    )
    alerts_per_day: Amount = Field(
        default=0.0,
        description="opened a segment, all partitions together; 0: as many as there are",
    )

    @model_validator(mode="after")
    def _priced(self) -> Self:
        if self.win_back_price > 0 and not self.win_back_currency:
            raise ValueError("win_back_price needs win_back_currency, as in EUR")
        return self


class Web(_Group):
    """The worker's own pages: health, metrics, console. No authentication, hence loopback."""

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on")
    port: Port = Field(default=6066, description="port; 0 takes a free one")


Weights = tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...]


class Calendar(_Group):
    """When customers may be expected: silence is not counted in closed time."""

    time_zone: Annotated[str, AfterValidator(calendar.checked_zone)] = Field(
        default="UTC", description="IANA name of the zone that all of this is meant in"
    )
    opening: tuple[str, ...] = Field(
        default=(), description=f"opening hours: {calendar.OPENING}; none: always open"
    )
    day_weights: Weights = Field(
        default=(), description="how much is bought on each day, 7 from Monday on; none: the same"
    )
    hour_weights: Weights = Field(
        default=(), description="how much is bought in each hour of a day, 24; none: the same"
    )
    country: str | None = Field(
        default=None, description="ISO 3166 code; its public holidays are closed"
    )
    region: str | None = Field(default=None, description="part of that country, such as BY")
    closed: tuple[str, ...] = Field(
        default=(), description=f"more closed periods, the last day included: {calendar.CLOSED}"
    )
    # Off: then no decision depends on other customers, nor on how they are spread over partitions.
    learn: bool = Field(
        default=False,
        description="learn the hours of the week from what is bought when, in each partition",
    )

    @field_validator("opening")
    @classmethod
    def _says_when(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        for line in lines:
            calendar.openings(line)
        return lines

    @field_validator("closed")
    @classmethod
    def _says_from_when_to_when(cls, periods: tuple[str, ...]) -> tuple[str, ...]:
        for period in periods:
            calendar.closed_between(period)
        return periods

    @field_validator("day_weights", "hour_weights")
    @classmethod
    def _one_each(cls, weights: Weights, info: ValidationInfo) -> Weights:
        wanted = 7 if info.field_name == "day_weights" else 24
        if weights and len(weights) != wanted:
            raise ValueError(f"{len(weights)} weights are given; accepted: {wanted}, or none")
        return weights

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.region is not None and self.country is None:
            raise ValueError("region is given without country; accepted: both, or country alone")
        if self.country is not None:
            calendar.public_holidays(self.country, self.region)
        calendar.hour_weights(self)
        return self


class Guard(_Group):
    """An input that is out says nothing of its customers. See docs/outages.md."""

    enabled: bool = Field(
        default=True, description="look for inputs whose rate collapses, in each partition"
    )
    # 46 expected events in a row that do not come are an outage: found out within a day.
    least_daily: float = Field(
        default=50.0,
        gt=0,
        allow_inf_nan=False,
        description="events a day, of an input and partition, below which it is not watched",
    )
    longest_days: float = Field(
        default=14.0,
        gt=0,
        allow_inf_nan=False,
        description="after which an input that is out is taken for one that has ended",
    )
    maintenance: tuple[str, ...] = Field(
        default=(),
        description=f"when all inputs are out, as planned: {calendar.MAINTENANCE}",
    )

    @field_validator("maintenance")
    @classmethod
    def _says_from_when_to_when(cls, windows: tuple[str, ...]) -> tuple[str, ...]:
        for window in windows:
            calendar.maintenance_between(window)
        return windows


class Model(_Group):
    """The online model."""

    # It begins as the cadence and has to foretell better before it speaks (docs/detection.md).
    min_labels: int = Field(
        default=1000, ge=1, description="labels before its output may replace the static"
    )
    publish_labels: int = Field(
        default=500, ge=1, description="labels between two published versions"
    )
    # A week is the shortest rhythm of a shop; its parameters move with the seasons.
    refit_days: float = Field(
        default=7.0,
        ge=0,
        allow_inf_nan=False,
        description="of event time between two refits of the population's parameters; 0: none",
    )


class Log(_Group):
    """What the worker writes to stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least severity"
    )
    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="auto: console on a terminal, JSON otherwise"
    )
