"""Whose purchases are kept for refits, and how many: a matter of the events alone."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pytest

from detectors.index import hash_slices
from detectors.observations import OBSERVATION, Input, PurchaseKind
from detectors.profile import Profile
from detectors.state import CustomerState
from schemas.samples import (
    CUSTOMER_BITS,
    MOST_PURCHASES,
    SAMPLING_KEY,
    Sample,
    customer_key,
    decode_sample,
    is_sample,
)
from streams.partition.sampling import PurchaseSampler, erasure, sampled_numbers, zero_bits
from streams.training.reservoir import MOST_CUSTOMERS, MOST_GAPS, PurchaseReservoir

DAY = 86_400
START = 20_000 * DAY
Purchase = tuple[int, int]


def sample(purchases: Sequence[Purchase], **fields: float | None) -> Sample:
    told = {"partition": 0, "zero_bits": 0, "watermark": None} | fields
    customers, times = [c for c, _ in purchases], [t for _, t in purchases]
    return msgspec.convert({**told, "customers": customers, "times": times}, Sample)


def filled(samples: Sequence[Sample]) -> PurchaseReservoir:
    reservoir = PurchaseReservoir()
    for one in samples:
        reservoir.take(one)
    return reservoir


def wire(changes: Sequence[tuple[bytes, bytes | None]]) -> dict[bytes, bytes]:
    """As compaction leaves it, but for tombstones, which have taken nothing away yet."""
    return {key: value for key, value in changes if value is not None}


def content(reservoir: PurchaseReservoir, until: float = START + 1e9) -> object:
    histories, earlier = reservoir.histories(until)
    seconds = histories.epoch + DAY * histories.day
    return histories.customer.tolist(), seconds.tolist(), earlier.tolist(), histories.end


def many(customers: int, purchases: int, seed: int = 5) -> list[Purchase]:
    rng = np.random.default_rng(seed)
    who = rng.integers(0, 1 << 53, customers)
    gaps = rng.integers(DAY, 20 * DAY, (customers, purchases))
    times = START + np.cumsum(gaps, axis=1)
    return [(int(c), int(t)) for c, row in zip(who, times, strict=True) for t in row]


def test_an_erased_customer_is_in_no_record_that_is_left_and_may_come_again() -> None:
    reservoir = filled([sample([(8, START), (16, START), (8, START + DAY)])])
    before = wire(reservoir.changes())
    reservoir.take(decode_sample(erasure(0, [8, 24])))
    changes = dict(reservoir.changes())
    assert changes[customer_key(8)] is None
    assert changes[customer_key(24)] is None  # not known: harmless
    left = {k: v for k, v in (before | changes).items() if v is not None}
    assert content(PurchaseReservoir.restored(left)) == content(filled([sample([(16, START)])]))
    reservoir.take(sample([(8, START + 9 * DAY)]))
    assert content(reservoir) == content(filled([sample([(8, START + 9 * DAY), (16, START)])]))


def test_the_number_of_a_customer_in_a_sample_is_found_from_the_id() -> None:
    state = CustomerState(Profile())
    rows = [state.add(b"c-1"), state.add(b"c-22")]
    bits = (1 << CUSTOMER_BITS) - 1
    expected = [int(state.hashes[row]) & bits for row in rows]
    assert sampled_numbers([b"c-1", b"c-22"]) == expected


def test_the_newest_purchases_stay_and_the_others_are_counted() -> None:
    times = [START + i * DAY for i in range(50)]
    reservoir = filled([sample([(8, t)]) for t in times])
    histories, earlier = reservoir.histories(times[-1] + 1)
    assert (histories.epoch + DAY * histories.day).tolist() == times[-MOST_GAPS - 1 :]
    assert np.isfinite(histories.gaps).sum() == MOST_GAPS
    assert earlier.tolist() == [50 - MOST_GAPS - 1]


def test_neither_customers_nor_their_purchases_nor_bytes_grow_beyond_the_bound() -> None:
    purchases = many(4 * MOST_CUSTOMERS, 3)
    reservoir = filled([sample(purchases[i : i + 500]) for i in range(0, len(purchases), 500)])
    assert MOST_CUSTOMERS / 4 < reservoir.customers <= MOST_CUSTOMERS
    full = filled([sample(many(MOST_CUSTOMERS, 3 * MOST_GAPS))])
    histories, _ = full.histories(START + 1e9)
    assert histories.day.size == MOST_CUSTOMERS * (MOST_GAPS + 1)
    changes = wire(full.changes())
    assert max(map(len, changes.values())) < 600
    assert sum(map(len, changes.values())) < 1 << 20


def test_the_order_in_which_purchases_and_partitions_come_changes_nothing() -> None:
    purchases = many(2500, 6) + [(16, START + i * DAY) for i in range(60)]
    told = [
        sample(purchases[i : i + 100], partition=i % 3, zero_bits=i % 2, watermark=START + i)
        for i in range(0, len(purchases), 100)
    ]
    one = filled(told)
    assert one.customers > 500
    rng = np.random.default_rng(1)
    for _ in range(3):
        other = filled([told[i] for i in rng.permutation(len(told))])
        assert content(other) == content(one)
        assert other.known_until == one.known_until
        assert wire(other.changes())[SAMPLING_KEY] == wire(filled(told).changes())[SAMPLING_KEY]


def test_a_purchase_that_comes_twice_counts_once() -> None:
    purchases = many(20, 10)
    assert content(filled([sample(purchases), sample(purchases)])) == content(
        filled([sample(purchases)])
    )


def test_whoever_leaves_the_sample_never_comes_back() -> None:
    purchases = [(8, START), (4, START), (3, START)]
    reservoir = filled([sample(purchases), sample([], zero_bits=3), sample(purchases)])
    assert reservoir.customers == 1
    assert dict(reservoir.changes())[b"sampled/%014x" % 3] is None


def test_what_was_written_goes_on_as_if_nothing_had_happened() -> None:
    purchases = many(300, 50)
    rng = np.random.default_rng(2)
    told = [
        sample([purchases[i] for i in part], zero_bits=k // 3, watermark=START + k * DAY)
        for k, part in enumerate(np.array_split(rng.permutation(len(purchases)), 9))
    ]
    whole, first = filled(told), PurchaseReservoir()
    written: dict[bytes, bytes] = {}
    for one in told:
        first.take(one)
        written |= wire(first.changes())
        first = PurchaseReservoir.restored(written)
    assert content(first) == content(whole)
    assert first.known_until == whole.known_until == START + 8 * DAY
    assert first.changes() == []


def test_only_what_has_changed_is_written() -> None:
    reservoir = filled([sample(many(50, 4))])
    assert len(reservoir.changes()) == 51
    reservoir.take(sample([(8, START)]))
    assert [key for key, _ in reservoir.changes()] == [b"sampled/%014x" % 8, SAMPLING_KEY]


def test_it_knows_as_much_as_the_partition_that_lags_most() -> None:
    reservoir = filled([sample([(8, START)])])
    assert reservoir.known_until is None
    reservoir.take(sample([], partition=1, watermark=START + 9.0))
    reservoir.take(sample([], partition=2, watermark=START + 5.0))
    reservoir.take(sample([], partition=2, watermark=START + 4.0))
    assert reservoir.known_until == START + 5.0


def test_what_comes_later_is_not_in_an_earlier_history() -> None:
    times = [START, START + DAY, START + 3 * DAY]
    reservoir = filled([sample([(8, t) for t in times] + [(16, START + 2 * DAY)])])
    histories, earlier = reservoir.histories(START + 2.0 * DAY)
    assert histories.customer.tolist() == [0, 0]
    assert histories.day.tolist() == [0.0, 1.0]
    assert (histories.end, histories.epoch, earlier.tolist()) == (2.0, START, [0])


# --- the partitions' part -------------------------------------------------------------------------


def state_of(customers: int) -> CustomerState:
    state = CustomerState(Profile())
    keys = b"".join(b"c-%06d" % i for i in range(customers))
    starts = np.arange(customers, dtype=np.int64) * 8
    state.locate(np.frombuffer(keys, np.uint8), starts, starts + 8)
    return state


def observed(rows: Sequence[int], **fields: object) -> np.ndarray:
    observations = np.zeros(len(rows), OBSERVATION)
    observations["row"] = rows
    observations["event_time"] = START + 0.75
    for name, value in fields.items():
        observations[name] = value
    return observations


def sent(sampler: PurchaseSampler, state: CustomerState, watermark: float) -> list[Sample]:
    values = sampler.taken(state, watermark)
    assert all(map(is_sample, values))
    return [decode_sample(value) for value in values]


@pytest.mark.parametrize(
    ("customers", "bits"), [(0, 0), (100, 0), (101, 1), (200, 1), (201, 2), (400, 2), (401, 3)]
)
def test_a_partition_that_grows_asks_for_a_smaller_share(customers: int, bits: int) -> None:
    assert zero_bits(customers, 100) == bits


def test_all_purchases_of_the_sampled_are_sent_and_nothing_else() -> None:
    state, sampler = state_of(1000), PurchaseSampler(2, 300)
    sampler.see(state, observed(range(1000)))
    sampler.see(state, observed(range(1000), input=Input.VISITS))
    sampler.see(state, observed(range(1000), kind=PurchaseKind.REFUND))
    (one,) = sent(sampler, state, START + 5.0)
    ids = [b"c-%06d" % i for i in range(1000)]
    data = np.frombuffer(b"".join(ids), np.uint8)
    starts = np.arange(1000, dtype=np.int64) * 8
    low = [int(h) & ((1 << 53) - 1) for h in hash_slices(data, starts, starts + 8)]
    assert one.customers == [c for c in low if c % 4 == 0]
    assert 200 < len(one.customers) < 300
    assert set(one.times) == {START}
    assert (one.partition, one.zero_bits, one.watermark) == (2, 2, START + 5.0)


def test_a_partition_tells_of_itself_once_a_day_even_if_nobody_buys() -> None:
    state, sampler = state_of(3), PurchaseSampler(0, 10)
    assert sent(sampler, state, -np.inf) == []
    assert [s.watermark for s in sent(sampler, state, START + 5.0)] == [START + 5.0]
    assert sent(sampler, state, START + DAY - 1.0) == []
    assert [s.watermark for s in sent(sampler, state, START + DAY)] == [START + DAY]


def test_many_purchases_are_sent_in_records_that_a_broker_takes() -> None:
    state, sampler = state_of(10), PurchaseSampler(0, 10)
    for _ in range(3):
        sampler.see(state, observed([i % 10 for i in range(MOST_PURCHASES)]))
    sampler.see(state, observed([0]))
    found = sent(sampler, state, START + 5.0)
    assert [len(one.times) for one in found] == [MOST_PURCHASES] * 3 + [1]
    assert [one.watermark for one in found] == [None] * 3 + [START + 5.0]
    assert sent(sampler, state, START + 6.0) == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"times": [1]}, "0 customers and 1 times"),
        ({"customers": [-1], "times": [1]}, r"\$.customers"),
        ({"zero_bits": 54}, r"\$.zero_bits"),
        ({"schema": "offbeat.sample.v2"}, "offbeat.sample.v2"),
    ],
)
def test_a_sample_that_cannot_be_right_is_refused(change: Mapping[str, object], path: str) -> None:
    good = msgspec.to_builtins(sample([]))
    with pytest.raises(msgspec.ValidationError, match=path):
        decode_sample(msgspec.json.encode(good | change))
