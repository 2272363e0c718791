"""Reading fetches: every record is one observation or one dead letter, and bulk is one by one."""

import json
import re
import struct
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from detectors.index import hash_slices
from detectors.observations import Input
from detectors.profile import Profile
from detectors.state import CustomerState
from schemas.dead_letters import Headers, RejectReason
from schemas.decode import read
from schemas.instants import seconds
from schemas.rejections import Rejected
from streams.kafka.columns import COLUMNS, Fetched
from streams.partition import ingest as module
from streams.partition.ingest import Ingested, ingest

FIRST = 1_000  # the fetch's first offset
LATEST = 1_800_000_000.0
PURCHASE = {
    "event_id": "e-1",
    "customer_id": "c-81",
    "event_time": "2026-02-09T17:41:05Z",
    "amount": 39.9,
    "currency": "EUR",
}


class Record(NamedTuple):
    key: bytes | None
    value: bytes | None
    headers: Headers = []  # noqa: RUF012 (never written to)


def fetched(records: Sequence[Record]) -> Fetched:
    """The columns that a walk over these records' bytes would give."""
    data = bytearray(b"\xff\xff")  # a fetch does not begin with a record's key
    columns = np.zeros((len(records), COLUMNS), np.int64)
    for i, record in enumerate(records):
        row = [FIRST + 2 * i, 0]  # compaction and transactions leave gaps between offsets
        for part in (record.key, record.value, _block(record.headers)):
            row += [len(data), -1 if part is None else len(data) + len(part)]
            data += part or b""
        columns[i] = row
    return Fetched(bytes(data), columns, FIRST, FIRST + 2 * len(records))


def _block(headers: Headers) -> bytes:
    out = _varint(len(headers))
    for name, value in headers:
        out += _varint(len(name.encode())) + name.encode()
        out += _varint(-1) if value is None else _varint(len(value)) + value
    return out


def _varint(number: int) -> bytes:
    zigzag, out = (number << 1) ^ (number >> 63), b""
    while zigzag >= 128:
        out, zigzag = out + struct.pack("B", zigzag & 127 | 128), zigzag >> 7
    return out + struct.pack("B", zigzag)


def read_all(
    records: Sequence[Record], source: Input = Input.PURCHASES, latest: float | None = LATEST
) -> tuple[Ingested, CustomerState]:
    state = CustomerState(Profile())
    return ingest(source, fetched(records), state, latest_allowed=latest), state


def record(**changes: Any) -> Record:
    event = PURCHASE | changes
    return Record(str(event["customer_id"]).encode(), json.dumps(event).encode())


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
    bad = {3: b"{", 511: b"", 512: b"[]", 900: record(customer_id="other").value}
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


def test_unknown_fields_are_counted_in_the_first_record_of_each_chunk() -> None:
    got, _ = read_all([record(store=1, till=2)] + [record(store=1)] * module.CHUNK)
    assert got.unknown_fields == 3


# --- any records -------------------------------------------------------------------------------

IDS = st.text(max_size=6) | st.sampled_from(["c-81", "a b", "x" * 128, "x" * 129, "\u202e", ""])
NUMBERS = st.floats() | st.integers() | st.sampled_from([1e308, 10**400, -0.0, 3660, 3661])
WEIRD = st.one_of(
    IDS,
    NUMBERS,
    st.none(),
    st.booleans(),
    st.just([]),
    st.sampled_from(
        [
            *("order", "paid", "nps", "login", "high", "EUR", "eur", "1e3"),
            *("2026-02-30T00:00:00Z", "2026-02-09T17:41:05.25+01:00"),
            *("1999-12-31T23:30:00-01:00", "2999-01-01T00:00:00Z"),
        ]
    ),
    st.integers(946_684_799_000, 1_800_000_001_000),
)
REQUIRED: dict[Input, dict[str, Any]] = {
    Input.PURCHASES: PURCHASE,
    Input.VISITS: {"kind": "attended", "rescheduled": True},
    Input.PAYMENTS: {"status": "late", "due_time": "2026-02-09T17:41:05Z", "currency": "EUR"},
    Input.SUPPORT: {"kind": "nps", "score": 3, "severity": "low"},
}
FIELDS = sorted({field for fields in REQUIRED.values() for field in fields} | {"ticket_id"})


@st.composite
def _mutated(draw: st.DrawFn, source: Input) -> Record:
    common = {key: PURCHASE[key] for key in ("event_id", "customer_id", "event_time")}
    event = (
        common
        | REQUIRED[source]
        | draw(st.dictionaries(st.sampled_from(FIELDS), WEIRD, max_size=2))
    )
    for field in draw(st.lists(st.sampled_from(FIELDS), max_size=1)):
        event.pop(field, None)
    value = json.dumps(event, ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")
    if draw(st.integers(0, 9)) == 0:
        data = {key: event[key] for key in event if key != "event_id"}
        value = json.dumps({"specversion": "1.0", "id": "i", "data": data}).encode()
    if draw(st.integers(0, 9)) == 0:
        cut = draw(st.integers(0, len(value)))
        value = value[:cut] + draw(st.binary(max_size=2)) + value[cut + draw(st.integers(0, 2)) :]
    key = str(event.get("customer_id", "")).encode(errors="surrogatepass")
    headers: Headers = draw(
        st.lists(st.tuples(st.sampled_from(["ce_id", "ce_time"]), st.binary()), max_size=1)
    )
    return Record(draw(st.sampled_from([key] * 9 + [None])), value, headers)


RANDOM = st.builds(Record, st.none() | st.binary(), st.none() | st.binary())


@st.composite
def _fetches(draw: st.DrawFn) -> tuple[Input, list[Record]]:
    source = draw(st.sampled_from(Input))
    return source, draw(
        st.lists(_mutated(source) | _mutated(source) | _mutated(source) | RANDOM, max_size=8)
    )


@given(_fetches(), st.sampled_from([LATEST, None]), st.sampled_from([1, 3, 512]))
def test_every_record_is_one_observation_or_one_dead_letter_as_judged_alone(
    given_fetch: tuple[Input, list[Record]], latest: float | None, chunk: int
) -> None:
    source, records = given_fetch
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", chunk)
        got, state = read_all(records, source, latest)
    letters = {letter.offset: letter for letter in got.dead_letters}
    observations = dict(zip(got.offsets.tolist(), got.observations, strict=True))
    assert list(letters) == sorted(letters)
    assert list(observations) == sorted(observations)
    assert len(letters) + len(observations) == len(records)
    for i, one in enumerate(records):
        offset = FIRST + 2 * i
        try:
            event = read(source.name.lower(), *one, latest)
        except Rejected as error:
            assert letters[offset] == (offset, *one, error.reason, str(error))  # noqa: PT017 (either way is right)
        else:
            seen = observations[offset]
            assert seen["event_time"] == seconds(event.event_time)
            assert bytes(got.ids[seen["id_start"] : seen["id_end"]]) == event.event_id.encode()
            assert state.customer_id(int(seen["row"])) == event.customer_id.encode()
