"""What people say about an alert, on `<prefix>.feedback`.

The console writes it; a CRM may do so too. The key is the customer, so that it lies beside their
alerts and goes with them when they are erased. Nothing in it changes what is decided yet.
"""

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from schemas.events import EventTime, Id, Text

FeedbackKind = Literal[
    "acknowledged", "contacted", "false_alarm", "offer_accepted", "offer_declined", "holdout"
]
KINDS: tuple[FeedbackKind, ...] = get_args(FeedbackKind)
MAX_NOTE_CHARACTERS = 1000

Note = Annotated[
    Annotated[str, Meta(max_length=MAX_NOTE_CHARACTERS)] | None,
    Meta(description="up to 1000 characters"),
]


class Feedback(Struct, frozen=True, kw_only=True, gc=False):
    """Somebody looked after a customer at risk, or says that there was no risk.

    acknowledged: seen, somebody takes care. contacted: the customer was written to or called.
    false_alarm: they had not left. offer_accepted, offer_declined: what came of `offer`. holdout:
    nobody does anything, on purpose, so that the others can be compared with this customer.
    """

    schema: Literal["offbeat.feedback.v1"] = "offbeat.feedback.v1"
    alert_id: Id
    customer_id: Id
    event_time: EventTime
    kind: FeedbackKind
    note: Note = None
    offer: Text = None


_DECODER = msgspec.json.Decoder(Feedback)
_ENCODER = msgspec.json.Encoder()


def encode(feedback: Feedback) -> bytes:
    """As on the wire."""
    return _ENCODER.encode(feedback)


def decode(value: bytes) -> Feedback:
    """The record. Raises msgspec.DecodeError or its ValidationError, which names the path."""
    return _DECODER.decode(value)
