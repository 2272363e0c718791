"""From the bytes of one record to an event, or to the reason why not.

`DECODERS` are msgspec's own, compiled, for records in bulk: they check types, numbers and lengths,
and know nothing of headers. `read` is the whole check of one record, in three steps that can be
called alone:

* `admit`: there is a key and a value, and they are not too large;
* `parse`: JSON to an event; plain, or in a CloudEvents envelope (`schemas.cloudevents`);
* `check`: what a type cannot say: printable ids, key = customer_id, currency, times.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec
from msgspec import Raw

from schemas.cloudevents import completed, opened
from schemas.dead_letters import Headers, RejectReason
from schemas.events import (
    CUSTOMERS,
    EVENTS,
    MAX_RECORD_BYTES,
    CustomerRecord,
    Event,
    Payment,
    Purchase,
)
from schemas.instants import EARLIEST_SECONDS, rfc3339, seconds
from schemas.rejections import Rejected, accepted, malformed, refused

DECODERS: dict[str, Callable[[bytes], Event]] = {
    name: msgspec.json.Decoder(event).decode for name, event in EVENTS.items()
}

_CUSTOMER = msgspec.json.Decoder(CustomerRecord).decode
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_THE_KEY = "the UTF-8 of customer_id"

Record = TypeVar("Record")


def read(
    name: str,
    key: bytes | None,
    value: bytes | None,
    headers: Headers,
    latest_allowed: float | None = None,
) -> Event:
    """The event in one record of the input `name`.

    `latest_allowed` bounds event_time, in seconds since the epoch; None allows any time.

    Raises:
        Rejected: it is none, see `RejectReason`. Nothing else, whatever the bytes are.
    """
    key, value = admit(key, value)
    event = parse(name, value, headers)
    check(name, event, key, latest_allowed)
    return event


def read_customer(
    key: bytes | None, value: bytes | None, headers: Headers
) -> CustomerRecord | None:
    """The record of the customers' topic; None for a tombstone, by which nothing more is known.

    Raises:
        Rejected: it is none. Nothing else, whatever the bytes are.
    """
    if value is None and key:
        return None
    key, value = admit(key, value)
    record = _parsed(CUSTOMERS, _CUSTOMER, value, headers)
    _check_key(CUSTOMERS, record.customer_id, key)
    if record.signed_up is not None:
        _instant(CUSTOMERS, "signed_up", record.signed_up)
    return record


def admit(key: bytes | None, value: bytes | None) -> tuple[bytes, bytes]:
    """Key and value, when both are there and together at most 64 KiB."""
    if value is None:
        raise Rejected(RejectReason.TOMBSTONE, "value", "is null", "a JSON object")
    size = len(key or b"") + len(value)
    if size > MAX_RECORD_BYTES:
        limit = f"up to {MAX_RECORD_BYTES}, key and value together"
        raise Rejected(RejectReason.OVERSIZED, "record", f"has {size} bytes", limit)
    if not key:
        raise Rejected(RejectReason.MISSING_KEY, "key", "is missing", _THE_KEY)
    return key, value


def parse(name: str, value: bytes, headers: Headers) -> Event:
    """The event that the JSON says; its ids, times and currency are not judged yet."""
    return _parsed(name, DECODERS[name], value, headers)


def _parsed(name: str, decode: Callable[[bytes], Record], value: bytes, headers: Headers) -> Record:
    try:
        return decode(value)
    except msgspec.ValidationError:
        enveloped = opened(name, value, headers)
    except (ValueError, RecursionError) as error:  # what msgspec and UTF-8 say of bytes
        raise malformed(error) from None
    try:
        return completed(decode, enveloped)
    except msgspec.ValidationError as error:
        raise refused(name, error, enveloped.root) from None
    except (ValueError, RecursionError) as error:
        raise malformed(error, enveloped.root) from None


def check(name: str, event: Event, key: bytes, latest_allowed: float | None = None) -> None:
    """Raise `Rejected` where a well-typed event is still not acceptable."""
    if not event.event_id.isprintable():
        raise _out_of_bounds(name, "event_id", "has unprintable characters")
    _check_key(name, event.customer_id, key)
    currency = event.currency if isinstance(event, Purchase | Payment) else None
    if currency is not None and not is_currency(currency):
        raise _out_of_bounds(name, "currency", f"is {currency!r}")
    if isinstance(event, Payment) and event.due_time is not None:
        _instant(name, "due_time", event.due_time)
    moment = _instant(name, "event_time", event.event_time)
    if latest_allowed is not None and moment > latest_allowed:
        problem = f"is {event.event_time!r}, too far ahead of the clock"
        limit = f"up to {rfc3339(latest_allowed)}"
        raise Rejected(RejectReason.FUTURE_TIME, "$.event_time", problem, limit)


def _check_key(name: str, customer_id: str, key: bytes) -> None:
    if not customer_id.isprintable():
        raise _out_of_bounds(name, "customer_id", "has unprintable characters")
    if key != customer_id.encode():
        problem = "is not the customer_id of the value"
        raise Rejected(RejectReason.KEY_MISMATCH, "key", problem, _THE_KEY)


def is_currency(currency: str) -> bool:
    """Three capital ASCII letters."""
    return len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()


def unknown_fields(name: str, value: bytes) -> int:
    """How many members of a plain event are none of its fields; 0 for anything else.

    It costs as much as decoding, so it is meant for samples.
    """
    try:
        members = _MEMBERS.decode(value).keys()
    except (ValueError, RecursionError):
        return 0
    return len(members - set(EVENTS[name].__struct_fields__)) if "customer_id" in members else 0


def _instant(name: str, field: str, instant: str | int) -> float:
    path, expected = f"$.{field}", accepted(name, field)
    try:
        moment = seconds(instant)
    except ValueError as error:
        problem = f"is {str(instant)[:64]!r}, which {error}"
        raise Rejected(RejectReason.INVALID_TIME, path, problem, expected) from None
    if moment < EARLIEST_SECONDS:
        raise Rejected(RejectReason.TOO_OLD, path, f"is {instant!r}, before 2000", expected)
    return moment


def _out_of_bounds(name: str, field: str, problem: str) -> Rejected:
    return Rejected(RejectReason.OUT_OF_BOUNDS, f"$.{field}", problem, accepted(name, field))
