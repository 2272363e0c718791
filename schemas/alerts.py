"""What goes out: the states of an episode, on `<prefix>.alerts`.

While it is open, its last state is also on `<prefix>.at-risk`. Readers upsert on `alert_id` and
drop lower `sequence`s. A field that is added later has a default, and no field ever changes its
type, so that a reader of version N reads what N-1 wrote.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

Instant = Annotated[
    str, Meta(description="RFC 3339, UTC", extra_json_schema={"format": "date-time"})
]
Probability = Annotated[float, Meta(ge=0, le=1)]
Status = Literal["opened", "updated", "resolved", "expired", "suppressed"]
OPEN: frozenset[Status] = frozenset({"opened", "updated"})  # the customer is at risk
Severity = Literal["info", "warning", "error", "critical"]


class NoPurchase(Struct, frozen=True, gc=False):
    """P(no purchase in the next `horizon_days`), static: from the customer's own gaps alone."""

    horizon_days: float
    value: Probability


class Usual(Struct, frozen=True, gc=False):
    """The customer's own rhythm, in days between purchases; null where there is none yet.

    Days are days of business, if a calendar is given: closed time is not counted.
    """

    gap_days: float | None
    p90_gap_days: float | None
    n_gaps: int


class Observed(Struct, frozen=True, gc=False):
    """What was seen instead, in the same days; null for who has never bought."""

    silence_days: float | None


class ValueAtRisk(Struct, frozen=True, gc=False):
    """What the customer would be expected to spend within `horizon_days`."""

    amount: float
    currency: str | None
    horizon_days: float


class Reason(Struct, frozen=True, gc=False):
    """One cause, in the customer's own numbers; contributions are log-odds that add up."""

    code: str
    text: str
    usual: float | None
    observed: float | None
    unit: str | None
    contribution: float
    evidence: tuple[str, ...] = ()


class Score(Struct, frozen=True, gc=False):
    """The online model's P(no purchase in the horizon), and why: log-odds that add up exactly.

    `intercept` and `contributions` (by feature) sum to the log-odds of `probability`.
    """

    probability: Probability
    intercept: float
    contributions: dict[str, float]


class Alert(Struct, frozen=True, kw_only=True, gc=False):
    """One state of an episode. Times, ids, sequence and status depend on the events alone.

    `risk` is the model's probability where a version was in effect (`score`, `model_version`), else
    the static one of `p_no_purchase`. `suppressed_reason` says why a `suppressed` episode is held
    back: low_value, cooldown or budget. `best_segment` is the best that the customer has been in;
    `value_tenth` 10 for the most valuable tenth of customers, null where too few are known;
    `standing` segment and value in words.
    """

    schema: Literal["offbeat.alert.v1"] = "offbeat.alert.v1"
    alert_id: str
    sequence: Annotated[int, Meta(ge=1)]
    status: Status
    tenant: str
    customer_id: str
    dedup_key: str
    fingerprint: str
    severity: Severity
    opened_at: Instant
    updated_at: Instant
    resolved_at: Instant | None
    risk: Probability
    confidence: str
    p_alive: Probability
    p_no_purchase: NoPurchase
    usual: Usual
    observed: Observed
    value_at_risk: ValueAtRisk
    segment: str
    reasons: tuple[Reason, ...]
    suggested_action: str
    suppressed_reason: str | None
    model_version: str | None
    config_hash: str
    score: Score | None = None
    best_segment: str | None = None
    value_tenth: Annotated[int, Meta(ge=1, le=10)] | None = None
    standing: str = ""


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Alert)


def encode_all(alerts: Iterable[Alert]) -> list[bytes]:
    """The records' values."""
    buffer = bytearray()  # the encoder's own would grow anew for each
    values = []
    for alert in alerts:
        _ENCODER.encode_into(alert, buffer)
        values.append(bytes(buffer))
    return values


def decode(value: bytes) -> Alert:
    """An alert of this version or the one before; fields of later ones are passed over.

    Raises:
        msgspec.DecodeError: not JSON, or (ValidationError) not an alert; it names the path.
    """
    return _DECODER.decode(value)
