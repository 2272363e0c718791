"""Where events come from: bytes that decode, in order, by input."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from detectors.lab.scenario import Scenario
from detectors.lab.simulate import EVENT, Simulation
from detectors.observations import Input
from schemas.dead_letters import RejectReason
from schemas.decode import read as decode
from schemas.events import Purchase
from streams.errors import InputError
from streams.sources import files
from streams.sources.kafka import partition_of
from streams.sources.lines import Lines, Naming, encode
from streams.sources.pace import Pace
from streams.sources.rows import NOBODY, Refused, Rows, in_time_order

PURCHASE = {
    "event_id": "e-1",
    "customer_id": "c-1",
    "event_time": "2026-03-02T06:00:00Z",
    "amount": 12.5,
    "currency": "EUR",
}


def simulated(customers: int = 200) -> Iterator[Lines]:
    for events in Simulation(Scenario(customers=customers, days=400, drifting=0.5)).events():
        yield from encode(events, Naming())


def rows(path: Path, source: Input | None = Input.PURCHASES) -> list[Rows]:
    return [part for part in files.read(path, source) if isinstance(part, Rows)]


def refused(path: Path, source: Input | None = None) -> list[Refused]:
    return [part for part in files.read(path, source) if isinstance(part, Refused)]


# --- lines ---


def test_every_simulated_event_is_one_by_the_contract() -> None:
    kinds = set()
    for lines in simulated():
        name = lines.source.name.lower()
        for key, value, time in zip(lines.keys, lines.values, lines.times, strict=True):
            event = decode(name, key, value, [])
            kinds.add((name, getattr(event, "status", None) or getattr(event, "kind", None)))
            assert event.event_id.startswith(name[:2])
            assert msgspec.json.decode(value)["event_time"].endswith("Z")
            assert time == round(time, 3)
    assert {name for name, _ in kinds} == {"purchases", "visits", "payments", "support"}
    assert len(kinds) >= 10


def test_event_ids_are_unique_across_inputs() -> None:
    ids = [json.loads(value)["event_id"] for lines in simulated(50) for value in lines.values]
    assert len(ids) == len(set(ids))


def test_an_input_without_events_is_left_out() -> None:
    assert encode(np.empty(0, EVENT), Naming()) == []


# --- pace ---


def events_at(*seconds: float) -> np.ndarray:
    events = np.zeros(len(seconds), EVENT)
    events["time"] = seconds
    return events


def test_without_a_pace_everything_is_due_at_once() -> None:
    parts = list(Pace().split([events_at(0, 50), events_at(), events_at(99)]))
    assert [(due, len(events)) for due, events in parts] == [(0.0, 2), (0.0, 1)]


def test_a_rate_spreads_events_evenly_whatever_their_times() -> None:
    parts = list(Pace(rate=20).split([events_at(*range(5)), events_at(*range(5, 10))]))
    due = [when for when, events in parts for _ in events]
    np.testing.assert_allclose(due, np.repeat([0.0, 0.1, 0.2, 0.3, 0.4], 2))


def test_compressed_time_keeps_the_distances_between_events() -> None:
    parts = list(Pace(compress=10).split([events_at(100, 100.5), events_at(120)]))
    assert [(round(due, 3), len(events)) for due, events in parts] == [(0.0, 2), (2.0, 1)]


@pytest.mark.parametrize(
    ("rate", "compress", "words"),
    [(0, None, "rate must"), (None, -1, "compress must"), (1, 1, "rate must not")],
)
def test_a_pace_that_cannot_be_is_refused(
    rate: float | None, compress: float | None, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Pace(rate, compress)


# --- files ---


def test_a_folder_holds_a_file_an_input_and_nothing_else_is_read(tmp_path: Path) -> None:
    for name in ("purchases.jsonl", "visits.CSV", "support.parquet", "truth.jsonl", "notes.txt"):
        (tmp_path / name).touch()
    found = {path.name: source for path, source in files.find(tmp_path).items()}
    assert found == {
        "purchases.jsonl": Input.PURCHASES,
        "visits.CSV": Input.VISITS,
        "support.parquet": Input.SUPPORT,
    }


def test_a_single_file_of_another_name_names_its_inputs_itself(tmp_path: Path) -> None:
    path = tmp_path / "everything.ndjson"
    path.touch()
    assert files.find(path) == {path: None}


@pytest.mark.parametrize("name", ["gone", "empty", "twice"])
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "twice").mkdir()
    (tmp_path / "twice" / "visits.csv").touch()
    (tmp_path / "twice" / "visits.jsonl").touch()
    with pytest.raises(InputError, match=name):
        files.find(tmp_path / name)


def test_json_lines_keep_their_line_numbers_over_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "purchases.jsonl"
    line = json.dumps(PURCHASE)
    path.write_text(f"\n{line}\r\n   \n{line}")
    (part,) = rows(path)
    assert part.lines.tolist() == [2, 4]
    assert part.keys == [b"c-1", b"c-1"]
    assert part.values == [line.encode()] * 2
    assert part.times.tolist() == [1772431200.0] * 2


def test_a_csv_row_is_the_event_that_json_would_be(tmp_path: Path) -> None:
    path = tmp_path / "purchases.csv"
    path.write_text(
        "event_id,customer_id,event_time,amount,currency,discount,category\n"
        '7,0042,1772431200000,12.5,EUR,,"a, quoted"\n'
    )
    (part,) = rows(path)
    event = decode("purchases", part.keys[0], part.values[0], [])
    assert isinstance(event, Purchase)
    assert (event.event_id, event.customer_id) == ("7", "0042")
    assert (event.event_time, event.amount, event.discount) == (1772431200000, 12.5, None)
    assert event.category == "a, quoted"


@pytest.mark.parametrize("cell", ["many", "1_000", "1e999", "nan", ""])
def test_a_csv_cell_that_is_no_number_is_left_to_the_decoder(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "purchases.csv"
    path.write_text(
        f"event_id,customer_id,event_time,amount,currency\n7,c,2026-03-02T06:00:00Z,{cell},EUR\n"
    )
    (part,) = rows(path)
    with pytest.raises(Exception, match="amount"):
        decode("purchases", part.keys[0], part.values[0], [])


def test_a_csv_row_with_too_many_cells_is_refused_alone(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_text(
        "event_id,customer_id,event_time,kind\n"
        "1,c,2026-03-02T06:00:00Z,session,extra\n"
        "2,c,2026-03-02T06:00:00Z,session\n"
    )
    parts = list(files.read(path, Input.VISITS))
    (bad,) = (part for part in parts if isinstance(part, Refused))
    assert (bad.line, bad.input, bad.reason) == (2, "visits", RejectReason.WRONG_TYPE)
    assert [part.lines.tolist() for part in parts if isinstance(part, Rows)] == [[3]]


def test_a_csv_cell_that_is_not_utf8_costs_only_its_row(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    good, bad = b"1,c,2026-03-02T06:00:00Z,session\n", b"2,\xff,2026-03-02T06:00:00Z,session\n"
    path.write_bytes(b"event_id,customer_id,event_time,kind\n" + good + bad)
    (part,) = rows(path, Input.VISITS)
    decode("visits", part.keys[0], part.values[0], [])
    assert part.keys[1] == NOBODY
    with pytest.raises(Exception, match="JSON"):
        decode("visits", part.keys[1], part.values[1], [])


def test_a_parquet_row_is_the_event_that_json_would_be(tmp_path: Path) -> None:
    path = tmp_path / "purchases.parquet"
    pl.DataFrame(
        {
            "event_id": [7],
            "customer_id": [42],
            "event_time": [1772431200000],
            "amount": [12],
            "currency": ["EUR"],
            "coupon": [None],
        },
        schema_overrides={"event_time": pl.Datetime("ms")},
    ).write_parquet(path)
    (part,) = rows(path)
    event = decode("purchases", part.keys[0], part.values[0], [])
    assert isinstance(event, Purchase)
    assert (event.customer_id, event.event_time, event.amount) == ("42", 1772431200000, 12.0)
    assert part.lines.tolist() == [1]


def test_a_file_that_is_not_what_its_name_says_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "purchases.parquet"
    path.write_text("not at all")
    with pytest.raises(InputError, match=r"purchases\.parquet"):
        rows(path)


def test_rows_of_a_mixed_file_go_to_the_input_that_they_name(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    lines = [{**PURCHASE, "input": name} for name in ("visits", "purchases", "visits")]
    path.write_text("\n".join(map(json.dumps, lines)))
    found = {part.source: part.lines.tolist() for part in rows(path, None)}
    assert found == {Input.VISITS: [1, 3], Input.PURCHASES: [2]}


def test_a_row_of_a_mixed_file_without_a_known_input_is_refused_with_the_reason(
    tmp_path: Path,
) -> None:
    path = tmp_path / "all.jsonl"
    path.write_text('{"customer_id":"c"}\n{"customer_id":"c","input":"refunds"}\n{{{\n')
    assert [(row.line, row.reason) for row in refused(path)] == [
        (1, RejectReason.MISSING_FIELD),
        (2, RejectReason.UNKNOWN_VALUE),
        (3, RejectReason.MALFORMED_JSON),
    ]


def test_a_cloudevent_in_a_file_is_keyed_by_its_data(tmp_path: Path) -> None:
    path = tmp_path / "purchases.jsonl"
    event = {k: v for k, v in PURCHASE.items() if k != "event_time"}
    envelope = {"specversion": "1.0", "id": "e", "time": PURCHASE["event_time"], "data": event}
    path.write_text(json.dumps(envelope))
    (part,) = rows(path)
    assert part.keys == [b"c-1"]
    assert part.times.tolist() == [1772431200.0]


# --- order ---


def shuffled(times: list[object], tmp_path: Path) -> Rows:
    path = tmp_path / "purchases.jsonl"
    path.write_text("\n".join(json.dumps({**PURCHASE, "event_time": time}) for time in times))
    (part,) = in_time_order(rows(path))
    return part


def test_rows_are_sorted_by_event_time_and_ties_stay_as_they_stand(tmp_path: Path) -> None:
    times: list[object] = [3000, "1970-01-01T00:00:01Z", 2000, "1970-01-01T01:00:02+01:00"]
    assert shuffled(times, tmp_path).lines.tolist() == [2, 3, 4, 1]


def test_a_row_without_a_time_stays_behind_the_row_before_it(tmp_path: Path) -> None:
    assert shuffled(["never", 2000, "never", 1000], tmp_path).lines.tolist() == [1, 4, 2, 3]


# --- placing ---


@pytest.mark.parametrize(
    ("key", "hash_"),
    [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536)],
)
def test_keys_are_placed_as_java_places_them(key: bytes, hash_: int) -> None:
    # values of org.apache.kafka.common.utils.UtilsTest.testMurmur2
    for partitions in (1, 4, 12):
        assert partition_of(key, partitions) == (hash_ & 0x7FFFFFFF) % partitions
