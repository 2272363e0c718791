"""CloudEvents 1.0 over Kafka: what an envelope can give to an event that plain decoding refused.

Structured mode: content type `application/cloudevents+json`, or an object with `specversion` and
`data`; the event is `data`. Binary mode: the event is the value, the attributes are `ce_*` headers.
In both, `id` and `time` stand in for an `event_id` and `event_time` that the event lacks; where
both are there, the event's own count. All other attributes are left alone.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from schemas.dead_letters import Headers, RejectReason
from schemas.rejections import Rejected, missing_field, refused

_CONTENT_TYPE = b"application/cloudevents+json"
_VERSION = "1.0"

Record = TypeVar("Record")


class Enveloped(NamedTuple):
    """The event's own JSON, the path to it, and the attributes by the field that they can fill."""

    body: bytes
    root: str
    attributes: dict[str, str]


class _Envelope(Struct):
    specversion: str | UnsetType = UNSET
    id: str | UnsetType = UNSET
    time: str | UnsetType = UNSET
    data: Raw | UnsetType = UNSET


_ENVELOPE = msgspec.json.Decoder(_Envelope)


def opened(name: str, value: bytes, headers: Headers) -> Enveloped:
    """Take the envelope off; a value without one comes back as it is, with no attributes.

    Raises:
        Rejected: an envelope of another version, without data, or with ill-typed attributes.
    """
    texts = {header: text for header, text in headers if text is not None}
    structured = texts.get("content-type", b"").strip().lower().startswith(_CONTENT_TYPE)
    envelope = _Envelope()
    try:
        envelope = _ENVELOPE.decode(value)
    except msgspec.ValidationError as error:
        if structured:
            raise refused(name, error) from None
    except (ValueError, RecursionError):
        structured = (
            False  # damaged behind where the event's decoder stopped: its own error says enough
        )
    if not structured and (envelope.specversion is UNSET or envelope.data is UNSET):
        return _binary(value, texts)
    if envelope.specversion is UNSET:
        raise Rejected(RejectReason.MISSING_FIELD, "$.specversion", "is missing", f'"{_VERSION}"')
    _check_version(envelope.specversion, "$.specversion")
    if envelope.data is UNSET:
        raise Rejected(
            RejectReason.MISSING_FIELD, "$.data", "is missing", "the event, a JSON object"
        )
    given = {"event_id": envelope.id, "event_time": envelope.time}
    attributes = {field: text for field, text in given.items() if text is not UNSET}
    return Enveloped(bytes(envelope.data), "$.data", attributes)


def completed(decode: Callable[[bytes], Record], enveloped: Enveloped) -> Record:
    """Decode, with an attribute put in for each required field that turns out to be missing.

    Raises:
        msgspec.ValidationError, ValueError, RecursionError: as `decode` does.
    """
    body, attributes = enveloped.body, dict(enveloped.attributes)
    while True:
        try:
            return decode(body)
        except msgspec.ValidationError as error:
            field = missing_field(error)
            if field is None or field not in attributes:
                raise
        rest = body.strip()[1:].lstrip()
        comma = b"" if rest.startswith(b"}") else b","
        text = msgspec.json.encode(attributes.pop(field))
        body = b'{"%s":%s%s%s' % (field.encode(), text, comma, rest)


def _binary(value: bytes, texts: dict[str, bytes]) -> Enveloped:
    attributes: dict[str, str] = {}
    for header, field in (("ce_specversion", ""), ("ce_id", "event_id"), ("ce_time", "event_time")):
        if header not in texts:
            continue
        try:
            text = texts[header].decode()
        except UnicodeDecodeError:
            reason = RejectReason.WRONG_TYPE
            raise Rejected(reason, f"header {header}", "is not text", "UTF-8") from None
        if field:
            attributes[field] = text
        else:
            _check_version(text, f"header {header}")
    return Enveloped(value, "$", attributes)


def _check_version(version: str, path: str) -> None:
    if version != _VERSION:
        reason = RejectReason.UNKNOWN_VERSION
        raise Rejected(reason, path, f"is {version[:64]!r}", f'"{_VERSION}"')
