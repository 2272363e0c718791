"""What may be said of a customer beside their events, and who a dead letter mentions."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dead_letters import RejectReason, mentions
from schemas.decode import read_customer
from schemas.rejections import Rejected

ERASE = b'{"customer_id": "c-81", "erase": true}'


def test_an_erasure_says_whom() -> None:
    record = read_customer(b"c-81", ERASE, [])
    assert record is not None
    assert (record.customer_id, record.erase) == ("c-81", True)


def test_nothing_is_erased_that_does_not_say_so() -> None:
    record = read_customer(b"c-81", b'{"customer_id": "c-81", "segment": "vip"}', [])
    assert record is not None
    assert not record.erase
    assert read_customer(b"c-81", None, []) is None  # a tombstone


def test_an_envelope_is_taken_off() -> None:
    value = b'{"specversion": "1.0", "id": "1", "type": "t", "source": "s", "data": %b}' % ERASE
    record = read_customer(b"c-81", value, [("content-type", b"application/cloudevents+json")])
    assert record is not None
    assert record.erase


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (None, ERASE, RejectReason.MISSING_KEY),
        (None, None, RejectReason.TOMBSTONE),
        (b"c-82", ERASE, RejectReason.KEY_MISMATCH),
        (b"c-81", ERASE[:-1], RejectReason.MALFORMED_JSON),
    ],
)
def test_an_erasure_of_nobody_in_particular_is_refused(
    key: bytes | None, value: bytes | None, reason: RejectReason
) -> None:
    with pytest.raises(Rejected) as caught:
        read_customer(key, value, [])
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (b"c-81", None, []),
        (None, b'{"customer_id": "c-81", ', []),
        (None, b"c-81 bought twice", []),
        (b"k", b"{}", [("who", b"c-81")]),
    ],
)
def test_a_dead_letter_mentions_its_customer_in_any_part(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    assert mentions("c-81")(key, value, headers)


def test_a_longer_id_is_somebody_else() -> None:
    assert not mentions("c-8")(b"c-81", b'"customer_id": "abc-8"', [])


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_an_id_is_found_as_it_is_and_as_json_escapes_it(customer_id: str) -> None:

    carries = mentions(customer_id)
    for ascii_only in (True, False):
        text = json.dumps({"customer_id": customer_id}, ensure_ascii=ascii_only)
        assert carries(None, text.encode(), [])
