"""Reading fetches, record by record and many at once."""

import json
import re
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import schemas
from detectors.index import hash_slices
from detectors.observations import Input
from detectors.profile import Profile
from detectors.state import CustomerState
from schemas.dead_letters import Headers, RejectReason
from schemas.instants import seconds
from streams.partition import ingest as module
from streams.partition.ingest import Reading, ingest
from tests.functional.records import FIRST, LATEST, PURCHASE, Record, fetched, read_all, record

# --- one record --------------------------------------------------------------------------------


def test_a_purchase_becomes_an_observation_field_by_field() -> None:
    given_record = record(kind="renewal", discount=2, expected_supply_days=28, amount=7)
    got, state = read_all([given_record])
    (seen,) = got.observations
    assert (seen["amount"], seen["value"], seen["extra"]) == (7, 28, 2)
    assert (seen["kind"], seen["input"], seen["currency"]) == (2, Input.PURCHASES, 0x455552)
    assert seen["event_time"] == seen["effective_time"] == seconds("2026-02-09T17:41:05Z")
    assert bytes(got.ids[seen["id_start"] : seen["id_end"]]) == b"e-1"
    assert state.customer_id(int(seen["row"])) == b"c-81"
    assert got.offsets.tolist() == [FIRST]
    assert got.dead_letters == []


def test_what_a_purchase_does_not_say_is_nan() -> None:
    (seen,) = read_all([record()])[0].observations
    assert isnan(seen["value"])
    assert isnan(seen["extra"])
    assert seen["kind"] == 0


@pytest.mark.parametrize(
    ("source", "fields", "expected"),
    [
        (
            Input.VISITS,
            {"kind": "playback", "rescheduled": True, "duration_seconds": 60},
            {"kind": 7, "value": 60, "extra": 1, "currency": 0},
        ),
        (Input.VISITS, {"kind": "session", "rescheduled": False}, {"kind": 0, "extra": 0}),
        (
            Input.PAYMENTS,
            {"status": "failed", "due_time": 1770658865000, "amount": 9, "period_days": 30},
            {"kind": 2, "value": 1770658865, "amount": 9, "extra": 30, "currency": 0},
        ),
        (Input.PAYMENTS, {"status": "paid", "currency": "USD"}, {"kind": 0, "currency": 0x555344}),
        (
            Input.SUPPORT,
            {"kind": "csat", "score": 4, "severity": "critical"},
            {"kind": 4, "value": 4, "extra": 4},
        ),
        (Input.SUPPORT, {"kind": "opened", "severity": "none"}, {"kind": 0, "extra": 0}),
    ],
)
def test_each_input_fills_its_own_columns(
    source: Input, fields: dict[str, Any], expected: dict[str, float]
) -> None:
    event = {key: PURCHASE[key] for key in ("event_id", "customer_id", "event_time")} | fields
    got, _ = read_all([Record(b"c-81", json.dumps(event).encode())], source)
    (seen,) = got.observations
    assert {name: float(seen[name]) for name in expected} == expected
    assert seen["input"] == source
    assert isnan(seen["amount"]) == ("amount" not in fields)


def test_headers_are_read_where_the_value_needs_them() -> None:
    value = json.dumps({k: v for k, v in PURCHASE.items() if k != "event_id"}).encode()
    headers: Headers = [("empty", None), ("ce_id", b"h-1")]
    got, _ = read_all([Record(b"c-81", value, headers)])
    assert bytes(got.ids) == b"h-1"


def test_a_dead_letter_keeps_key_bytes_and_headers_and_its_offset() -> None:
    headers: Headers = [("trace", b"\x00\xff"), ("empty", None), ("", b"")]
    bad = Record(b"\xfe", b"\x00{", headers)
    got, state = read_all([record(), bad])
    (letter,) = got.dead_letters
    assert letter[:4] == (FIRST + 2, *bad)
    assert letter.reason == RejectReason.MALFORMED_JSON
    assert "accepted:" in letter.message
    assert state.size == 1


def test_nulls_and_emptiness_are_told_apart() -> None:
    value = record().value
    records = [Record(None, value), Record(b"", value), Record(b"c", None), Record(b"c", b"")]
    got, _ = read_all(records)
    assert [letter[1:3] for letter in got.dead_letters] == [r[:2] for r in records]
    reasons = [letter.reason.value for letter in got.dead_letters]
    assert reasons == ["missing_key", "missing_key", "tombstone", "malformed_json"]


@pytest.mark.parametrize("source", Input)
def test_the_catalogue_is_read_and_refused_in_bulk_as_its_names_say(source: Input) -> None:
    folder = Path(schemas.__file__).parent / "catalogue" / source.name.lower()
    good, bad = sorted(folder.glob("good/*.json")), sorted(folder.glob("bad/*.json"))
    found = re.compile(r'"customer_id": ?("[^"]*")')
    values = [path.read_bytes() for path in good + bad]
    keys = [found.search(value.decode()) for value in values]
    records = [
        Record(json.loads(key[1]).encode() if key else b"c-81", value)
        for key, value in zip(keys, values, strict=True)
    ]
    got, _ = read_all(records, source)
    assert got.offsets.tolist() == [FIRST + 2 * i for i in range(len(good))]
    assert [letter.reason for letter in got.dead_letters] == [p.name.split(".")[0] for p in bad]


@pytest.mark.parametrize(
    ("source", "one", "reason"),
    [
        (Input.PURCHASES, record(event_id="a\u202eb"), "out_of_bounds"),
        (Input.PURCHASES, record(customer_id="a\u0085"), "out_of_bounds"),
        (Input.PURCHASES, record(note="x" * 65_536), "oversized"),
        (Input.PURCHASES, record()._replace(key=b"c-8"), "key_mismatch"),
        (Input.PURCHASES, record()._replace(key=b"k" * 65_536), "oversized"),
        (Input.PAYMENTS, record(status="paid", due_time="1999-01-01T00:00:00Z"), "too_old"),
        (Input.PAYMENTS, record(status="paid", due_time=1), "too_old"),
        (Input.PAYMENTS, record(status="paid", currency="eur"), "out_of_bounds"),
    ],
)
def test_what_types_do_not_tell_is_found_in_bulk(source: Input, one: Record, reason: str) -> None:
    got, _ = read_all([record(status="paid"), one, record(status="late")], source)
    assert [(letter.offset, letter.reason) for letter in got.dead_letters] == [(FIRST + 2, reason)]
    assert len(got.observations) == 2


def test_a_damaged_header_block_costs_no_more_than_its_headers() -> None:
    columns = fetched([Record(b"c-81", b"{", [("trace", b"12345678")])])
    columns.columns[0, 7] -= 5
    got = ingest(Input.PURCHASES, columns, CustomerState(Profile()), latest_allowed=None)
    assert [letter.headers for letter in got.dead_letters] == [[]]


def test_an_event_from_the_future_adds_no_customer() -> None:
    ahead = record(event_time="2030-01-01T00:00:00Z", customer_id="new")
    got, state = read_all([ahead])
    assert [letter.reason for letter in got.dead_letters] == [RejectReason.FUTURE_TIME]
    assert state.size == 0
    assert len(read_all([ahead], latest=None)[0].observations) == 1


def test_what_was_read_ahead_counts_the_same_and_only_as_a_whole() -> None:
    ahead = record(event_time="2030-01-01T00:00:00Z", customer_id="new")
    fetch = fetched([record(event_id="e-1"), ahead, record(event_id="e-2")])
    made = Reading(Input.PURCHASES, fetch, None)
    prepared = replace(fetch, made=made)
    whole, later = (
        ingest(Input.PURCHASES, one, CustomerState(Profile()), latest_allowed=LATEST)
        for one in (prepared, prepared.from_position(FIRST + 1))
    )
    assert (len(whole.observations), whole.dead_letters) == (3, [])  # judged when it was read
    assert whole.ids is made.ids
    assert (len(later.observations), len(later.dead_letters)) == (1, 1)  # read again


def test_nothing_gives_nothing() -> None:
    got, _ = read_all([])
    assert (len(got.observations), len(got.ids), len(got.offsets), got.dead_letters) == (
        0,
        0,
        0,
        [],
    )


# --- many records ------------------------------------------------------------------------------


def test_a_bad_record_costs_only_itself_across_chunks() -> None:
    records = [record(event_id=f"e-{i}", customer_id=f"c-{i % 7}") for i in range(1_500)]
    bad = {3: b"{", 511: b"", 512: b"[]", 900: record(customer_id="c-9").value}
    for i, value in bad.items():
        records[i] = records[i]._replace(value=value)
    got, state = read_all(records)
    assert [(letter.offset - FIRST) // 2 for letter in got.dead_letters] == sorted(bad)
    taken = [i for i in range(1_500) if i not in bad]
    assert got.offsets.tolist() == [FIRST + 2 * i for i in taken]
    for i, seen in zip(taken, got.observations, strict=True):
        assert bytes(got.ids[seen["id_start"] : seen["id_end"]]) == b"e-%d" % i
        assert state.customer_id(int(seen["row"])) == b"c-%d" % (i % 7)


def test_ids_with_spaces_and_other_alphabets_keep_their_hashes() -> None:
    names = ["a b", " ", "plain", "клиент", "☕ 4", "é"]
    got, _ = read_all([record(event_id=name, customer_id=name) for name in names])
    joined = "".join(names).encode()
    ends = np.cumsum([len(name.encode()) for name in names])
    starts = np.append(0, ends[:-1])
    alone = hash_slices(np.frombuffer(joined, np.uint8), starts, ends)
    assert got.observations["id_hash"].tolist() == alone.tolist()


def test_unknown_fields_are_counted_in_the_first_record_of_each_sample() -> None:
    got, _ = read_all([record(store=1, till=2)] + [record(store=1)] * module.SAMPLED)
    assert got.unknown_fields == 3
