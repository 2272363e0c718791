"""Events that lie in another partition than their key's: sent on once, and never judged twice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.observations import Input
from detectors.profile import Profile
from detectors.state import CustomerState
from schemas.dead_letters import Headers, RejectReason
from schemas.reroutes import MAX_HEADER_BYTES, REROUTED, rerouted_by
from streams.kafka.columns import COLUMNS, HEADERS_END
from streams.kafka.headers import marked
from streams.partition.ingest import Home, Ingested, ingest
from streams.partition.records import read_headers
from streams.sources.kafka import partition_of
from tests.functional.records import FIRST, LATEST, Record, fetched, record

PARTITIONS = 4


def read(records: list[Record], home: Home | None) -> tuple[Ingested, CustomerState]:
    state = CustomerState(Profile())
    got = ingest(Input.PURCHASES, fetched(records), state, latest_allowed=LATEST, home=home)
    return got, state


def customer(partition: int) -> str:
    """Somebody whose key belongs there."""
    return next(f"c-{i}" for i in range(1000) if partition_of(b"c-%d" % i, PARTITIONS) == partition)


def test_an_event_of_another_partition_is_sent_on_as_it_is_and_leaves_no_state() -> None:
    home, away = record(customer_id=customer(1)), record(customer_id=customer(2))
    away = away._replace(headers=[("trace", b"7")])
    got, state = read([home, away, home], Home("g", 1, PARTITIONS))
    (reroute,) = got.reroutes
    assert (reroute.offset, reroute.partition) == (FIRST + 2, 2)
    assert (reroute.key, reroute.value) == away[:2]
    assert reroute.headers == [("trace", b"7"), (REROUTED, b"g/1/%d" % (FIRST + 2))]
    assert got.offsets.tolist() == [FIRST, FIRST + 4]
    assert got.dead_letters == []
    assert state.size == 1


def test_without_a_partitioner_every_key_belongs_where_it_lies() -> None:
    anywhere = Home("g", 0, None)
    got, state = read([record(customer_id=customer(n)) for n in range(4)], anywhere)
    assert (got.reroutes, got.dead_letters, state.size) == ([], [], 4)


def test_an_event_that_was_sent_on_before_is_a_dead_letter_and_goes_round_no_more() -> None:
    once, _ = read([record(customer_id=customer(2))], Home("g", 1, PARTITIONS))
    (reroute,) = once.reroutes
    again = Record(reroute.key, reroute.value, reroute.headers)
    at_home, _ = read([again], Home("g", 2, PARTITIONS))
    assert (len(at_home.observations), at_home.dead_letters) == (1, [])
    elsewhere, state = read([again], Home("g", 3, PARTITIONS))
    (letter,) = elsewhere.dead_letters
    assert letter.reason == RejectReason.MISROUTED
    assert letter.message.startswith("key belongs to partition 2, not 3, and was sent on already")
    assert (elsewhere.reroutes, len(elsewhere.observations), state.size) == ([], 0, 0)


def test_headers_that_may_not_fit_a_second_time_make_a_dead_letter() -> None:
    given_record = record(customer_id=customer(2))
    long = given_record._replace(headers=[("h", b"x" * MAX_HEADER_BYTES)])
    (letter,) = read([long], Home("g", 1, PARTITIONS))[0].dead_letters
    assert letter.reason == RejectReason.MISROUTED


@pytest.mark.parametrize("partitions", [PARTITIONS, None])
@pytest.mark.parametrize("where", range(PARTITIONS))
def test_what_another_group_sent_on_is_passed_over_for_the_original_counts(
    where: int, partitions: int | None
) -> None:
    headers: Headers = [("trace", b"7"), ("n", None)]
    away = record(customer_id=customer(2))._replace(headers=headers)
    (reroute,) = read([away], Home("other", 1, PARTITIONS))[0].reroutes
    copy = Record(reroute.key, reroute.value, reroute.headers)
    got, state = read([copy, copy], Home("g", where, partitions))
    assert got.copies == 2
    assert (len(got.observations), got.dead_letters, got.reroutes, state.size) == (0, [], [], 0)


@given(
    st.lists(st.lists(st.tuples(st.text(max_size=20) | st.just(REROUTED), st.none() | st.binary())))
)
def test_headers_are_found_where_they_are(blocks: list[Headers]) -> None:
    one = fetched([Record(b"k", b"v", headers) for headers in blocks])
    data = np.frombuffer(one.data, np.uint8)
    found = marked(data, one.columns, REROUTED, "", 2)
    assert found.carries.tolist() == [rerouted_by(headers) is not None for headers in blocks]
    others = [[v for n, v in headers if n == "" and v and len(v) == 2] for headers in blocks]
    starts = found.starts.tolist()
    values = [[] if start < 0 else [one.data[start : start + 2]] for start in starts]
    assert values == [found[-1:] for found in others]


@given(st.binary(max_size=60))
def test_damaged_headers_are_read_up_to_the_damage(block: bytes) -> None:
    columns = np.zeros((1, COLUMNS), np.int64)
    columns[0, HEADERS_END] = len(block)
    data = np.frombuffer(block, np.uint8)
    for name, _ in read_headers(block):
        replaced = "\ufffd" in name  # no UTF-8, so never the name of a header of ours
        assert name == "" or replaced or marked(data, columns, name, "", 0).carries[0]
    # and whatever the lengths say, it ends
    assert not marked(data, columns, REROUTED, "", 0).carries[0]


BAD = [
    Record(None, b"{}"),
    Record(b"c-1", None),
    Record(b"c-2", b"nonsense"),
    record(amount="much"),
    record(customer_id="")._replace(key=b""),
]


@given(
    st.lists(st.integers(0, 20).map(lambda i: record(customer_id=f"c-{i}")) | st.sampled_from(BAD)),
    st.integers(0, PARTITIONS - 1),
)
def test_every_record_is_an_event_here_a_reroute_or_a_dead_letter_wherever_it_stands(
    records: list[Record], partition: int
) -> None:
    got, _ = read(records, Home("g", partition, PARTITIONS))
    alone = [read([one], Home("g", partition, PARTITIONS))[0] for one in records]
    offsets = range(FIRST, FIRST + 2 * len(records), 2)
    events = [o for o, one in zip(offsets, alone, strict=True) if len(one.offsets)]
    letters = [o for o, one in zip(offsets, alone, strict=True) if one.dead_letters]
    reroutes = [o for o, one in zip(offsets, alone, strict=True) if one.reroutes]
    assert got.offsets.tolist() == events
    assert [letter.offset for letter in got.dead_letters] == letters
    assert [reroute.offset for reroute in got.reroutes] == reroutes
    assert sorted(events + letters + reroutes) == list(offsets)
