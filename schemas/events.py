"""What comes in: one Struct an input, with its fields, bounds and meaning; and what is known of
customers beside their events.

A field's `description` says what is accepted; dead letters repeat it. Bounds that msgspec enforces
are plain `Meta` arguments. `pattern` and `minimum` given as `extra_json_schema` only describe:
`schemas.decode` and the ingest enforce them, faster (currency, printable text) or with a better
reason (times).

Fields that nobody names here are kept out, never an error.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

MAX_RECORD_BYTES = 64 * 1024
"""Key and value together. An event has a few hundred bytes; the rest is for fields we ignore."""

MAX_ID_CHARACTERS = 128

EARLIEST_MS = (
    946_684_800_000  # 2000-01-01T00:00:00Z: before it, clocks were not set or units were wrong
)
LATEST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z, where RFC 3339's four-digit year ends

_PRINTABLE = {"pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$"}
_INSTANT = (
    r"^(2\d|[3-9]\d)\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$"
)

Id = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_ID_CHARACTERS,
        description="1 to 128 printable characters",
        extra_json_schema=_PRINTABLE,
    ),
]
Text = Annotated[
    Annotated[str, Meta(max_length=256)] | None, Meta(description="up to 256 characters")
]
Instant = (
    Annotated[str, Meta(extra_json_schema={"pattern": _INSTANT})]
    | Annotated[int, Meta(extra_json_schema={"minimum": EARLIEST_MS, "maximum": LATEST_MS})]
)
_INSTANT_WORDS = (
    "RFC 3339 with an offset, or integer milliseconds since the epoch; from 2000-01-01 on"
)
EventTime = Annotated[Instant, Meta(description=_INSTANT_WORDS)]
OptionalTime = Annotated[Instant | None, Meta(description=_INSTANT_WORDS)]
_CURRENCY = Annotated[
    str, Meta(min_length=3, max_length=3, extra_json_schema={"pattern": "^[A-Z]{3}$"})
]
_CURRENCY_WORDS = "three capital letters (ISO 4217)"
Currency = Annotated[_CURRENCY, Meta(description=_CURRENCY_WORDS)]
OptionalCurrency = Annotated[_CURRENCY | None, Meta(description=_CURRENCY_WORDS)]
Amount = Annotated[float, Meta(ge=0, description="a finite number, 0 or more")]
NotNegative = Annotated[
    Annotated[float, Meta(ge=0)] | None, Meta(description="a finite number, 0 or more")
]
# Ten years: nothing is bought or billed less often, and a wrong unit (hours, seconds) shows.
Days = Annotated[
    Annotated[float, Meta(gt=0, le=3660)] | None, Meta(description="days, above 0 and up to 3660")
]
Attempt = Annotated[
    Annotated[int, Meta(ge=1, le=1000)] | None,
    Meta(description="1 for the first attempt, up to 1000"),
]
# Covers NPS (0-10), CSAT (1-5, or per cent).
Score = Annotated[Annotated[float, Meta(ge=0, le=100)] | None, Meta(description="0 to 100")]

PurchaseKind = Literal["order", "refund", "renewal", "service", "spare_part"]
VisitKind = Literal[
    "session", "booking", "attended", "cancelled", "no_show", "lesson", "login", "playback"
]
PaymentStatus = Literal["paid", "late", "failed", "refunded", "chargeback", "cancelled"]
SupportKind = Literal[
    "opened",
    "complaint",
    "resolved",
    "nps",
    "csat",
    "cancellation_request",
    "unsubscribed",
    "message_ignored",
]
Severity = Literal["none", "low", "medium", "high", "critical"]


class Purchase(Struct, frozen=True, gc=False):
    """Somebody bought, renewed, or gave back."""

    event_id: Id
    customer_id: Id
    event_time: EventTime
    amount: Amount
    currency: Currency
    kind: PurchaseKind = "order"
    order_id: Text = None
    discount: NotNegative = None
    coupon: Text = None
    category: Text = None
    channel: Text = None
    expected_supply_days: Days = None


class Visit(Struct, frozen=True, gc=False):
    """Somebody came, logged in, booked, or did not appear."""

    event_id: Id
    customer_id: Id
    event_time: EventTime
    kind: VisitKind
    rescheduled: Annotated[bool | None, Meta(description="true or false")] = None
    duration_seconds: NotNegative = None
    channel: Text = None


class Payment(Struct, frozen=True, gc=False):
    """An invoice was paid, or was not."""

    event_id: Id
    customer_id: Id
    event_time: EventTime
    status: PaymentStatus
    due_time: OptionalTime = None
    amount: NotNegative = None
    currency: OptionalCurrency = None
    attempt: Attempt = None
    period_days: Days = None


class Support(Struct, frozen=True, gc=False):
    """Somebody asked, complained, answered a survey, or wants to leave."""

    event_id: Id
    customer_id: Id
    event_time: EventTime
    kind: SupportKind
    ticket_id: Text = None
    severity: Annotated[
        Severity | None, Meta(description="none, low, medium, high or critical")
    ] = None
    score: Score = None
    response_seconds: NotNegative = None


Event = Purchase | Visit | Payment | Support

EVENTS: dict[str, type[Event]] = {
    "purchases": Purchase,
    "visits": Visit,
    "payments": Payment,
    "support": Support,
}
"""By the input's name, in the order of the inputs' codes."""


class CustomerRecord(Struct, frozen=True, gc=False):
    """What is known of a customer beside their events; `erase` asks for everything to be forgotten.

    Only `erase` has an effect so far. The other fields are checked and not used yet.
    """

    customer_id: Id
    segment: Text = None
    acquisition_channel: Text = None
    signed_up: OptionalTime = None
    profile: Text = None
    erase: Annotated[bool, Meta(description="true or false")] = False


CUSTOMERS = "customers"
INCOMING: dict[str, type[Event | CustomerRecord]] = {**EVENTS, CUSTOMERS: CustomerRecord}
"""Everything that producers write, by the topic's usual name."""
