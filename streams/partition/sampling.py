"""Purchases of some customers, gathered on the way for the trainer.

A customer is in or out by the hash of their id, and who is out never comes in: the sample of a
partition that grows only loses customers, so whoever is in is known from their first purchase on.
"""

import math
from collections.abc import Collection, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.customer import DAY_SECONDS
from detectors.index import hash_slices
from detectors.observations import Input, PurchaseKind
from detectors.state import CustomerState
from schemas.samples import CUSTOMER_BITS, MOST_PURCHASES, Sample

WANTED_CUSTOMERS = 1_500  # of all partitions together
_CUSTOMER = np.uint64((1 << CUSTOMER_BITS) - 1)


def sampled_numbers(ids: Sequence[bytes]) -> list[int]:
    """The customers' numbers in a sample."""
    data = np.frombuffer(b"".join(ids), np.uint8)
    ends = np.cumsum([len(customer_id) for customer_id in ids])
    starts = ends - [len(customer_id) for customer_id in ids]
    return [int(number) for number in hash_slices(data, starts, ends) & _CUSTOMER]


def erasure(partition: int, customers: Sequence[int]) -> bytes:
    """The record that has the trainer forget these."""
    sample = Sample(
        partition=partition,
        zero_bits=0,
        watermark=None,
        customers=[],
        times=[],
        erased=list(customers),
    )
    return msgspec.json.encode(sample)


def zero_bits(customers: int, wanted: int) -> int:
    """How many bits of a hash have to be 0 so that at most `wanted` are expected to be in."""
    return max(-(-customers // wanted) - 1, 0).bit_length()


class PurchaseSampler:
    """The sample of one partition: about half of `wanted` customers up to all of it."""

    def __init__(self, partition: int, wanted: int) -> None:
        self._partition = partition
        self._wanted = wanted
        self._customers: list[NDArray[np.uint64]] = []
        self._times: list[NDArray[np.int64]] = []
        self._told_day = -math.inf

    def see(self, state: CustomerState, observations: NDArray[np.void]) -> None:
        """Keep the purchases among these, of customers in the sample."""
        purchases = observations["input"] == Input.PURCHASES
        purchases &= observations["kind"] != PurchaseKind.REFUND
        hashes = state.hashes[observations["row"][purchases]]
        zeros = np.uint64((1 << zero_bits(state.size, self._wanted)) - 1)
        mine = hashes & zeros == 0
        if mine.any():
            self._customers.append(hashes[mine] & _CUSTOMER)
            times = observations["event_time"][purchases][mine]
            self._times.append(np.floor(times).astype(np.int64))

    def forget(self, customers: Collection[int]) -> None:
        """Keep nothing of these (numbers as in a sample) that was not told yet."""
        gone = np.array(sorted(customers), np.uint64)
        for i, kept in enumerate(self._customers):
            others = ~np.isin(kept, gone)
            self._customers[i], self._times[i] = kept[others], self._times[i][others]

    def taken(self, state: CustomerState, watermark: float) -> list[bytes]:
        """Records of what was kept since the last call, and once a day of the watermark alone."""
        day = math.floor(watermark / DAY_SECONDS) if math.isfinite(watermark) else -math.inf
        if not self._times and day <= self._told_day:
            return []
        self._told_day = day
        customers = [c for part in self._customers for c in part.tolist()]
        times = [t for part in self._times for t in part.tolist()]
        self._customers, self._times = [], []
        bits = zero_bits(state.size, self._wanted)
        records = []
        for first in range(0, max(len(times), 1), MOST_PURCHASES):
            after = first + MOST_PURCHASES
            told = after >= len(times) and math.isfinite(watermark)
            sample = Sample(
                partition=self._partition,
                zero_bits=bits,
                watermark=watermark if told else None,
                customers=customers[first:after],
                times=times[first:after],
            )
            records.append(msgspec.json.encode(sample))
        return records
