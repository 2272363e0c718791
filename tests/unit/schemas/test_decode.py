"""One record, read alone: its three forms, its bounds, and the words with which it is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dead_letters import Headers, RejectReason
from schemas.decode import read, unknown_fields
from schemas.events import EVENTS, MAX_RECORD_BYTES, Purchase
from schemas.rejections import Rejected

PURCHASE = {
    "event_id": "e-1",
    "customer_id": "c-81",
    "event_time": "2026-02-09T17:41:05Z",
    "amount": 39.9,
    "currency": "EUR",
}
KEY = b"c-81"
CE_HEADERS: Headers = [
    ("content-type", b"application/json"),
    ("ce_specversion", b"1.0"),
    ("ce_id", b"from-the-header"),
    ("ce_time", b"2026-02-09T18:00:00Z"),
    ("ce_source", b"/tills/4"),
]
STRUCTURED: Headers = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


def _json(*without: str, **changes: Any) -> bytes:
    event = {key: value for key, value in (PURCHASE | changes).items() if key not in without}
    return json.dumps(event).encode()


def _refused(value: bytes | None, key: bytes | None = KEY, **more: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        read("purchases", key, value, more.pop("headers", []), **more)
    return caught.value


def test_headers_of_the_binary_mode_fill_in_what_the_value_lacks() -> None:
    event = read("purchases", KEY, _json("event_id", "event_time"), CE_HEADERS)
    assert (event.event_id, event.event_time) == ("from-the-header", "2026-02-09T18:00:00Z")


def test_space_round_the_value_does_not_matter_to_the_binary_mode() -> None:
    spaced = b" \n" + _json("event_id").replace(b"{", b"{ ") + b"\r\n"
    assert read("purchases", KEY, spaced, CE_HEADERS).event_id == "from-the-header"


def test_the_value_counts_before_the_headers() -> None:
    event = read("purchases", KEY, _json("event_time"), CE_HEADERS)
    assert (event.event_id, event.event_time) == ("e-1", "2026-02-09T18:00:00Z")


def test_a_field_that_neither_value_nor_headers_have_is_missing() -> None:
    error = _refused(_json("event_id", "amount"), headers=CE_HEADERS)
    assert (error.reason, error.path) == (RejectReason.MISSING_FIELD, "$.amount")


def test_an_empty_object_in_binary_mode_lacks_the_customer() -> None:
    assert _refused(b"{ }", headers=CE_HEADERS).path == "$.customer_id"


def test_a_structured_event_is_its_data_with_the_envelopes_id_and_time() -> None:
    data = json.loads(_json("event_id", "event_time"))
    envelope = {"specversion": "1.0", "id": "i", "time": "2026-02-09T18:00:00Z", "data": data}
    either: list[Headers] = [[], STRUCTURED]
    for headers in either:
        event = read("purchases", KEY, json.dumps(envelope).encode(), headers)
        assert isinstance(event, Purchase)
        assert (event.event_id, event.event_time, event.amount) == ("i", envelope["time"], 39.9)


def test_what_is_wrong_inside_an_envelope_is_told_with_the_path_through_it() -> None:
    envelope = {"specversion": "1.0", "data": PURCHASE | {"amount": -1}}
    error = _refused(json.dumps(envelope).encode())
    assert (error.reason, error.path) == (RejectReason.OUT_OF_BOUNDS, "$.data.amount")


def test_an_envelope_needs_its_version_and_its_data() -> None:
    data = _refused(b'{"specversion":"1.0"}', headers=STRUCTURED)
    version = _refused(b'{"data":{}}', headers=STRUCTURED)
    assert (data.path, version.path) == ("$.data", "$.specversion")
    assert {data.reason, version.reason} == {RejectReason.MISSING_FIELD}


def test_another_version_of_cloudevents_is_refused_in_both_modes() -> None:
    envelope = {"specversion": "0.3", "data": PURCHASE}
    structured = _refused(json.dumps(envelope).encode())
    binary = _refused(_json("event_id"), headers=[("ce_specversion", b"2.0")])
    assert structured.reason == binary.reason == RejectReason.UNKNOWN_VERSION
    assert (structured.path, binary.path) == ("$.specversion", "header ce_specversion")


def test_a_header_that_is_not_text_is_refused() -> None:
    error = _refused(_json("event_id"), headers=[("ce_id", b"\xff")])
    assert (error.reason, error.path) == (RejectReason.WRONG_TYPE, "header ce_id")


def test_ill_typed_attributes_of_an_envelope_are_refused() -> None:
    error = _refused(b'{"specversion":1,"data":{}}', headers=STRUCTURED)
    assert (error.reason, error.path) == (RejectReason.WRONG_TYPE, "$.specversion")


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (KEY, None, "tombstone"),
        (None, _json(), "missing_key"),
        (b"", _json(), "missing_key"),
        (b"c-82", _json(), "key_mismatch"),
        (b"\xff", _json(), "key_mismatch"),
        (KEY, b"", "malformed_json"),
        (KEY, _json() + b"{}", "malformed_json"),
        (KEY, _json().replace(b"EUR", b"\xff\xff\xff"), "malformed_json"),
        (KEY, b'{"deep":' * 20_000 + b"1" + b"}" * 20_000, "oversized"),
        (KEY, b'{"deep":' * 7_000 + b"1" + b"}" * 7_000, "malformed_json"),
        (KEY, b'{"specversion":"1.0","data":' + b"[" * 30_000, "malformed_json"),
        (KEY, _json(order_id="o" * MAX_RECORD_BYTES), "oversized"),
        (KEY, _json(event_time=10**30), "invalid_time"),
        (KEY, _json(event_time=-(10**30)), "invalid_time"),
        (KEY, _json(event_time=True), "wrong_type"),
        (KEY, _json(event_time=None), "wrong_type"),
        (KEY, b"null", "wrong_type"),
        (KEY, _json(currency="ÄÖÜ"), "out_of_bounds"),
        (KEY, _json(currency="EURO"), "out_of_bounds"),
        (KEY, _json(event_id="a\nb"), "out_of_bounds"),
        (KEY, _json(event_id="a\u202eb"), "out_of_bounds"),
    ],
)  # fmt: skip
def test_a_record_is_refused_for_one_reason(
    key: bytes | None, value: bytes | None, reason: str
) -> None:
    assert _refused(value, key).reason == reason


def test_a_record_of_64_kib_is_read_and_one_byte_more_is_not() -> None:
    room = MAX_RECORD_BYTES - len(KEY) - len(_json(note=""))
    assert read("purchases", KEY, _json(note="x" * room), []).event_id == "e-1"
    assert _refused(_json(note="x" * (room + 1))).reason == RejectReason.OVERSIZED


def test_ids_of_128_characters_are_read_whatever_their_bytes() -> None:
    longest = "☕" * 128
    event = read("purchases", longest.encode(), _json(customer_id=longest), [])
    assert event.customer_id == longest


def test_an_event_may_lie_at_the_latest_allowed_time_but_not_after_it() -> None:
    at = 1770658865.0
    assert read("purchases", KEY, _json(), [], at).event_id == "e-1"
    error = _refused(_json(), latest_allowed=at - 0.001)
    assert (error.reason, error.path) == (RejectReason.FUTURE_TIME, "$.event_time")
    assert str(error).endswith("up to 2026-02-09T17:41:04.999Z")


def test_messages_say_what_where_and_what_would_be_accepted() -> None:
    assert str(_refused(_json(kind="gift"))) == (
        "$.kind is 'gift'; accepted: order, refund, renewal, service, spare_part"
    )
    assert str(_refused(_json(event_time="2026-02-09T17:41:05"))) == (
        "$.event_time is '2026-02-09T17:41:05', which is not RFC 3339 with an offset; accepted: "
        "RFC 3339 with an offset, or integer milliseconds since the epoch; from 2000-01-01 on"
    )
    assert str(_refused(_json(customer_id=81))) == (
        "$.customer_id is of type int; accepted: 1 to 128 printable characters"
    )


def test_fields_that_nobody_knows_are_counted_and_no_error() -> None:
    assert unknown_fields("purchases", _json(store=4, till={"id": 1})) == 2
    assert unknown_fields("purchases", _json()) == 0
    assert unknown_fields("purchases", b"not an event") == 0
    assert read("purchases", KEY, _json(store=4), []) == read("purchases", KEY, _json(), [])


@given(st.sampled_from(sorted(EVENTS)), st.none() | st.binary(), st.none() | st.binary())
def test_whatever_the_bytes_are_nothing_but_rejected_is_raised(
    name: str, key: bytes | None, value: bytes | None
) -> None:
    with pytest.raises(Rejected):
        read(name, key, value, [])
