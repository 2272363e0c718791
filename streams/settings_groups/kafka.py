"""The connection to Kafka, and the topics."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from streams.settings_groups.forms import Bytes, Group, Seconds, Topic, Word


class Kafka(Group):
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


class Topics(Group):
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
