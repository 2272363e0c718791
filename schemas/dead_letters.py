"""Records that could not become an event: why, and how they are kept.

A dead letter is the original record (key, bytes, headers) with headers that say what was wrong and
where it came from. The `__streams.errors.*` names and their text values are those of Kafka Streams
(KIP-1034).
"""

import json
import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple, Self

Headers = list[tuple[str, bytes | None]]


class RejectReason(StrEnum):
    """Every reason there is; `meaning` says what the producer did.

    >>> RejectReason("missing_key").meaning
    'the record has no key, so nobody knows whose it is; the key is the customer_id'
    """

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """Keep the meaning beside the value."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    TOMBSTONE = (
        "tombstone",
        "the value is null; inputs are not compacted and nothing can be deleted by one",
    )
    OVERSIZED = "oversized", "key and value are together more than 64 KiB"
    MISSING_KEY = (
        "missing_key",
        "the record has no key, so nobody knows whose it is; the key is the customer_id",
    )
    MALFORMED_JSON = "malformed_json", "the value is not one JSON text in UTF-8"
    UNKNOWN_VERSION = "unknown_version", "a CloudEvents envelope of another version than 1.0"
    MISSING_FIELD = "missing_field", "a required field is not there"
    WRONG_TYPE = "wrong_type", "a field, or the whole value, is of another JSON type"
    UNKNOWN_VALUE = "unknown_value", "a field has a value that its closed list does not hold"
    OUT_OF_BOUNDS = "out_of_bounds", "a number or a text is outside its bounds"
    INVALID_TIME = (
        "invalid_time",
        "a time is neither RFC 3339 with an offset nor integer milliseconds",
    )
    TOO_OLD = (
        "too_old",
        "a time lies before 2000-01-01: a clock that was never set, or seconds for milliseconds",
    )
    FUTURE_TIME = (
        "future_time",
        "the event lies further ahead of the clock than max_clock_skew allows",
    )
    KEY_MISMATCH = "key_mismatch", "the key is not the UTF-8 of customer_id"
    MISROUTED = "misrouted", "the key belongs to another partition than the one it was found in"


class DeadLetter(NamedTuple):
    """One refused record of an input, as it was, and why."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    reason: RejectReason
    message: str


class DeadLetterRecord(NamedTuple):
    """What is written to `<input>.dlq`."""

    key: bytes | None
    value: bytes | None
    headers: Headers


EXCEPTION = "__streams.errors.exception"
MESSAGE = "__streams.errors.message"
TOPIC = "__streams.errors.topic"
PARTITION = "__streams.errors.partition"
OFFSET = "__streams.errors.offset"
REASON = "offbeat.reject_reason"
CUT = "offbeat.cut"
REDRIVEN_FROM = "offbeat-redriven-from"
REDRIVEN = "offbeat.redriven"
HEADER_NAMES = {
    EXCEPTION: "class of the error",
    MESSAGE: "what was wrong, where in the record, and what would be accepted",
    TOPIC: "the input that the record came from",
    PARTITION: "its partition there, in decimal",
    OFFSET: "its offset there, in decimal",
    REASON: "one of: " + ", ".join(RejectReason),
    CUT: "only where a part was too long to keep: which (key, value, headers) and its bytes",
}

# A refused record can be as large as a broker takes by default, 1,048,588 bytes, and must be kept
# whole; so a dead-letter topic takes twice that. Where an operator let inputs be larger still, each
# part has room of its own: 64 + 256 + 1,536 KiB leave 196,608 bytes for our own headers and
# framing.
MAX_MESSAGE_BYTES = 2 << 20
_KEY_BYTES, _HEADER_BYTES, _VALUE_BYTES = 64 << 10, 256 << 10, 1536 << 10
_HEADER_FRAMING = 10  # two lengths of a header, at most 5 bytes each
_MESSAGE_CHARACTERS = 1000
# A record that fails whenever it is sent again needs no longer history to say so.
_REDRIVES_KEPT = 10


def dead_letter_record(letter: DeadLetter, topic: str, partition: int) -> DeadLetterRecord:
    """The record for the dead-letter topic.

    A dead letter that was sent again and refused again is marked anew, not twice.
    The key, value or headers of a record too large for `MAX_MESSAGE_BYTES` are cut to fit,
    which `offbeat.cut` then says; everything else is kept byte for byte.
    """
    headers = [header for header in letter.headers if header[0] not in HEADER_NAMES]
    key, value, cut = letter.key, letter.value, []
    if key is not None and len(key) > _KEY_BYTES:
        cut.append(f"key {len(key)}")
        key = key[:_KEY_BYTES]
    if value is not None and len(value) > _VALUE_BYTES:
        cut.append(f"value {len(value)}")
        value = value[:_VALUE_BYTES]
    if (size := _size(headers)) > _HEADER_BYTES:
        cut.append(f"headers {size}")
        headers = []
    marks = {
        EXCEPTION: "schemas.rejections.Rejected",
        MESSAGE: letter.message[:_MESSAGE_CHARACTERS],
        TOPIC: topic,
        PARTITION: str(partition),
        OFFSET: str(letter.offset),
        REASON: letter.reason.value,
    }
    if cut:
        marks[CUT] = ", ".join(cut)
    headers += [(name, text.encode()) for name, text in marks.items()]
    return DeadLetterRecord(key, value, headers)


def was_redriven(headers: Headers) -> bool:
    """Whether a record has been sent again from a dead-letter topic."""
    return any(name == REDRIVEN_FROM for name, _ in headers)


def redriven(headers: Headers, topic: str, partition: int, offset: int) -> Headers:
    """The headers with which a dead letter that lies at this place is sent again.

    Without what said why it was refused; with where it lay, behind where it lay before.

    >>> redriven([(REASON, b"tombstone"), ("trace", b"7")], "purchases.dlq", 0, 3)
    [('trace', b'7'), ('offbeat-redriven-from', b'purchases.dlq/0/3')]
    """
    kept = [header for header in headers if header[0] not in HEADER_NAMES]
    history = [header for header in kept if header[0] == REDRIVEN_FROM]
    history.append((REDRIVEN_FROM, f"{topic}/{partition}/{offset}".encode()))
    others = [header for header in kept if header[0] != REDRIVEN_FROM]
    return others + history[-_REDRIVES_KEPT:]


def redrive_mark(offsets: Iterable[int]) -> DeadLetterRecord:
    """The record that says, in a dead-letter topic, which of its partition were sent again.

    >>> redrive_mark([3, 4, 5, 9]).headers
    [('offbeat.redriven', b'3-5,9')]
    """
    runs: list[list[int]] = []
    for offset in sorted(offsets):
        if runs and offset == runs[-1][1] + 1:
            runs[-1][1] = offset
        else:
            runs.append([offset, offset])
    words = (f"{a}-{b}" if b > a else str(a) for a, b in runs)
    return DeadLetterRecord(None, None, [(REDRIVEN, ",".join(words).encode())])


def marked_offsets(headers: Headers) -> set[int] | None:
    """What such a record says; None for any other record.

    >>> sorted(marked_offsets(redrive_mark([3, 4, 5, 9]).headers) or ())
    [3, 4, 5, 9]
    """
    for name, value in headers:
        if name == REDRIVEN:
            runs = (run.partition("-") for run in (value or b"").decode().split(",") if run)
            return {o for a, _, b in runs for o in range(int(a), int(b or a) + 1)}
    return None


def mentions(customer_id: str) -> Callable[[bytes | None, bytes | None, Headers], bool]:
    """Whether a record with this key, value and headers carries the id anywhere.

    As UTF-8 or as JSON escapes it, with no letter or digit beside it: a refused record has no field
    that could be asked. So a longer id that begins with this one and a dash is found too.

    >>> carries = mentions("c-1")
    >>> (
    ...     carries(b"c-1", None, []),
    ...     carries(None, b'{"customer_id": "c-1', []),
    ...     carries(b"c-12", b"", []),
    ... )
    (True, True, False)
    """
    escaped = (json.dumps(customer_id, ensure_ascii=each)[1:-1] for each in (True, False))
    forms = {form.encode() for form in (customer_id, *escaped)}
    joined = b"|".join(re.escape(form) for form in sorted(forms))
    found = re.compile(rb"(?<![0-9A-Za-z\x80-\xff])(?:" + joined + rb")(?![0-9A-Za-z\x80-\xff])")

    def carries(key: bytes | None, value: bytes | None, headers: Headers) -> bool:
        parts = [key, value, *(part for name, text in headers for part in (name.encode(), text))]
        return any(found.search(part) for part in parts if part)

    return carries


def _size(headers: Iterable[tuple[str, bytes | None]]) -> int:
    return sum(len(name.encode()) + len(value or b"") + _HEADER_FRAMING for name, value in headers)
