"""A partition's life without Kafka, when customers are erased."""

import msgspec
import numpy as np
import pytest

from detectors.observations import Input
from detectors.profile import Profile
from schemas.changelog import decode_partition
from schemas.dead_letters import RejectReason
from schemas.samples import decode_sample
from streams.errors import GapError, StateError
from streams.kafka.columns import COLUMNS, Fetched
from streams.kafka.partitioner import places
from streams.partition.customers import CustomersStart
from streams.partition.ingest import Home
from streams.partition.life import PartitionLife, Snapshot
from streams.partition.sampling import sampled_numbers
from tests.functional.fetching import DAY, START, fetch, purchase, reread, visit

NAMES = ("purchases", "visits", "payments", "support")
AT_START = CustomersStart("customers", 0, committed=False)


def erase(*customers: str) -> list[dict[str, object]]:
    return [{"customer_id": customer, "erase": True} for customer in customers]


def begun(home: Home | None = None, sampled: int = 0) -> PartitionLife:
    starts = dict.fromkeys(Input, (0, False))
    life = PartitionLife(0, Profile(), NAMES, starts, sampled, home, customers=AT_START)
    life.finish_recovery()
    return life


def bind(life: PartitionLife) -> None:
    """As the owner does: to what the inputs hold now, all of which was read."""
    assert life.customers is not None
    for one in life.customers.unbound():
        one.until = {source: life.position(source) for source in Input}


def drain(life: PartitionLife) -> Snapshot:
    life.tick(list(Input), None)
    snapshot = life.snapshot(0)
    assert snapshot is not None
    return snapshot


def erased(snapshot: Snapshot) -> list[str]:
    assert snapshot.customers is not None
    return snapshot.customers.erased


def tombstones(*ids: bytes) -> Fetched:
    """What a transaction that erases these leaves in the changelog."""
    data = b"".join(ids)
    columns = np.zeros((len(ids), COLUMNS), np.int64)
    at = 0
    for i, one in enumerate(ids):
        columns[i] = [i, 0, at, at + len(one), -1, -1, 0, 0]
        at += len(one)
    return Fetched(data, columns, 0, len(ids))


def recovered(snapshots: list[Snapshot]) -> PartitionLife:
    """A life that goes on from what these checkpoints wrote, in the log's order."""
    record = decode_partition(snapshots[-1].record)
    starts = {source: (record.positions[NAMES[source]], True) for source in Input}
    customers = CustomersStart("customers", record.customers_position["customers"], committed=True)
    life = PartitionLife(0, Profile(), NAMES, starts, customers=customers)
    for snapshot in snapshots:
        if gone := erased(snapshot):
            life.restore(tombstones(*(one.encode() for one in gone)))
        for fetched in reread(snapshot.rows):
            life.restore(fetched)
        data = b"\x00partition" + snapshot.record
        own = [[0, 0, 0, 10, 10, len(data), len(data), len(data)]]
        life.restore(Fetched(data, np.array(own, np.int64), 0, 1))
    life.finish_recovery()
    return life


def weekly(customer: str, days: int = 6) -> list[dict[str, object]]:
    return [purchase(customer, i, 7.0 * i + 0.1 * (i % 3)) for i in range(days)]


def rows(life: PartitionLife) -> dict[bytes, bytes]:
    state = life.state
    return {state.customer_id(row): state.rows[row].tobytes() for row in range(state.size)}


def both() -> list[dict[str, object]]:
    events = weekly("c-1") + weekly("c-2")
    return sorted(events, key=lambda event: int(str(event["event_time"])))


def test_the_row_goes_and_the_others_stay_byte_for_byte() -> None:
    life = begun()
    life.take(Input.PURCHASES, fetch(both()), None)
    first = drain(life)
    before = rows(life)
    life.take_customers(fetch(erase("c-1")))
    bind(life)
    second = drain(life)
    assert erased(second) == ["c-1"]
    assert rows(life) == {b"c-2": before[b"c-2"]}
    assert decode_partition(second.record).customers == 1
    again = recovered([first, second])
    assert rows(again) == rows(life)
    assert again.customers is not None
    assert again.customers.position == 1


def test_nothing_is_erased_before_all_that_came_earlier_is_applied() -> None:
    life = begun()
    life.take_customers(fetch(erase("c-1")))
    assert life.customers is not None
    (one,) = life.customers.unbound()
    one.until = {**dict.fromkeys(Input, 0), Input.PURCHASES: 6}
    life.take(Input.PURCHASES, fetch(weekly("c-1")[:5]), None)
    snapshot = drain(life)
    assert erased(snapshot) == []
    assert snapshot.customers is not None
    assert snapshot.customers.position == 0  # a crash now reads the erasure again
    life.take(Input.PURCHASES, fetch(weekly("c-1")[5:], 5), None)
    last = drain(life)
    assert erased(last) == ["c-1"]
    assert life.state.size == 0
    assert last.customers is not None
    assert last.customers.position == 1
    assert recovered([snapshot, last]).state.size == 0


def test_an_erasure_that_is_not_bound_to_the_inputs_waits() -> None:
    life = begun()
    life.take(Input.PURCHASES, fetch(weekly("c-1")), None)
    life.take_customers(fetch(erase("c-1")))
    assert erased(drain(life)) == []
    bind(life)
    assert erased(drain(life)) == ["c-1"]


def test_a_later_event_begins_a_new_customer_even_if_it_waits_already() -> None:
    life = begun()
    life.take(Input.PURCHASES, fetch(both()), None)
    first = drain(life)
    life.take_customers(fetch(erase("c-1")))
    bind(life)
    # this one waits for the visits, which have not come so far
    life.take(Input.VISITS, fetch([visit("c-2", 0, 50.0)]), None)
    life.take(Input.PURCHASES, fetch([purchase("c-1", 50, 60.0)], 12), None)
    life.tick([Input.PAYMENTS, Input.SUPPORT], None)
    second = life.snapshot(0)
    assert second is not None
    assert erased(second) == ["c-1"]
    last = drain(life)
    row = life.state.rows[life.state.find(b"c-1")]
    assert int(row["n_purchases"]) == 1
    assert row["first_seen"] == START + 60 * DAY
    assert int(life.state.rows[life.state.find(b"c-2")]["n_visits"]) == 1
    assert rows(recovered([first, second, last])) == rows(life)


def test_what_was_decided_and_not_yet_said_is_dropped() -> None:
    life = begun()
    life.take(Input.PURCHASES, fetch(both()), None)
    drain(life)
    life.take(Input.VISITS, fetch([visit("c-3", 0, 400.0)]), None)  # both have been quiet since
    life.take_customers(fetch(erase("c-1")))
    bind(life)
    snapshot = drain(life)
    said = {
        life.state.customer_id(int(row))
        for part in snapshot.decisions
        for row in [*part.records["row"], *part.examples["row"]]
    }
    assert said == {b"c-2"}


def test_dead_letters_that_mention_the_customer_are_not_written_any_more() -> None:
    life = begun()
    bad: list[dict[str, object] | bytes] = [b'{"customer_id": "c-1"', b'{"customer_id": "c-12"']
    life.take(Input.PURCHASES, fetch(bad), None)
    life.take_customers(fetch(erase("c-1")))
    bind(life)
    letters = drain(life).dead_letters[Input.PURCHASES]
    assert [letter.value for letter in letters] == [b'{"customer_id": "c-12"']


def test_the_trainer_is_told_and_hears_no_more_of_what_was_gathered() -> None:
    life = begun(sampled=10)
    life.take(Input.PURCHASES, fetch(both()), None)
    life.take_customers(fetch(erase("c-1")))
    bind(life)
    samples = [decode_sample(value) for value in drain(life).samples]
    (one, two) = sampled_numbers([b"c-1", b"c-2"])
    assert {who for sample in samples for who in sample.customers} == {two}
    assert samples[-1].erased == [one]


def test_who_is_not_known_is_erased_all_the_same_and_as_often_as_is_asked() -> None:
    life = begun()
    life.take_customers(fetch(erase("nobody", "nobody")))
    bind(life)
    snapshot = drain(life)
    assert erased(snapshot) == ["nobody"]
    assert life.state.size == 0
    assert len(snapshot.samples) == 1


def test_other_records_of_the_topic_do_nothing_and_broken_ones_are_dead_letters() -> None:
    life = begun()
    known: list[dict[str, object] | bytes] = [{"customer_id": "c-1", "segment": "vip"}, b"{"]
    taken = life.take_customers(fetch(known))
    assert taken is not None
    assert [letter.reason for letter in taken.dead_letters] == [RejectReason.MALFORMED_JSON]
    passed = drain(life).customers
    assert passed is not None
    assert (passed.position, len(passed.dead_letters), passed.erased) == (2, 1, [])
    assert life.snapshot(0) is None  # each is passed on once


def test_an_erasure_in_another_partition_is_sent_on_once() -> None:
    key = np.frombuffer(b"c-1", np.uint8)
    home = int(places(key, np.zeros(1, np.int64), np.array([3]), 4)[0])
    life = begun(Home("g", (home + 1) % 4, 4))
    life.number = (home + 1) % 4
    assert life.customers is not None
    life.customers._number = life.number
    taken = life.take_customers(fetch(erase("c-1")))
    assert taken is not None
    (sent,) = taken.reroutes
    assert (sent.partition, sent.key) == (home, b"c-1")
    assert life.customers.unbound() == []
    passed = drain(life).customers
    assert passed is not None
    assert passed.reroutes == [sent]


def test_a_fetch_is_taken_once_and_never_behind_a_gap() -> None:
    life = begun()
    life.take_customers(fetch(erase("a", "b")))
    life.take_customers(fetch(erase("a", "b")))
    assert life.customers is not None
    assert [one.customer_id for one in life.customers.unbound()] == ["a", "b"]
    with pytest.raises(GapError, match=r"customers\[0\].*next offset to read is 2"):
        life.take_customers(fetch(erase("c"), 3))


def test_reading_customers_may_begin_later_and_then_positions_must_agree() -> None:
    life = begun()
    life.take(Input.PURCHASES, fetch(weekly("c-1")), None)
    snapshot = drain(life)
    record = msgspec.structs.replace(decode_partition(snapshot.record), customers=0, digest="")
    without = msgspec.structs.replace(record, customers_position={})
    starts = {source: (record.positions[NAMES[source]], True) for source in Input}
    for start, written in (
        (CustomersStart("customers", 7, committed=False), without),
        (CustomersStart("customers", 0, committed=True), record),
    ):
        one = PartitionLife(0, Profile(), NAMES, starts, customers=start)
        one._check(written, "here")
    for start, written in (
        (CustomersStart("customers", 7, committed=True), without),
        (CustomersStart("customers", 3, committed=True), record),
        (CustomersStart("customers", 3, committed=False), record),
    ):
        one = PartitionLife(0, Profile(), NAMES, starts, customers=start)
        with pytest.raises(StateError, match="the group's offsets at"):
            one._check(written, "here")
