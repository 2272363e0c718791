"""The purchases of a sample of the customers, bounded, as the trainer keeps them.

What is in it is a matter of what was sent, not of the order in which it came: of each customer the
newest purchases, and of the customers those whose hash ends with the most zero bits that any
partition asked for, or that the bound asks for.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping

import msgspec
import numpy as np

from detectors.customer import DAY_SECONDS
from detectors.lab.histories import Histories, Whole
from schemas.samples import (
    SAMPLING_KEY,
    Sample,
    SampledCustomer,
    Sampling,
    customer_key,
    decode_customer,
    decode_sampling,
    is_customer_key,
)

MOST_CUSTOMERS = 1_800  # what partitions want, and what chance adds to it
MOST_GAPS = 32  # the newest of each customer; with the bound above, all that `lab.fit` looks at


class PurchaseReservoir:
    """At most `MOST_CUSTOMERS`, of each `MOST_GAPS` gaps; 400 bytes a customer on the wire."""

    def __init__(self) -> None:
        self._zero_bits = 0
        self._watermarks: dict[int, float] = {}
        self._times: dict[int, list[int]] = {}
        self._earlier: dict[int, int] = {}
        self._changed: set[int] = set()
        self._sampling_changed = False

    @property
    def customers(self) -> int:
        """How many there are now."""
        return len(self._times)

    @property
    def known_until(self) -> float | None:
        """Up to when every partition has told of its purchases; None before any has."""
        return min(self._watermarks.values(), default=None)

    def take(self, sample: Sample) -> None:
        """Add what a partition has sent; the same purchase again changes nothing."""
        if sample.zero_bits > self._zero_bits:
            self._narrow(sample.zero_bits)
        for customer in sample.erased:
            self._erase(customer)
        zeros = (1 << self._zero_bits) - 1
        for customer, time in zip(sample.customers, sample.times, strict=True):
            if customer & zeros == 0:
                self._add(customer, time)
        while len(self._times) > MOST_CUSTOMERS:
            self._narrow(self._zero_bits + 1)
        if sample.watermark is not None:
            before = self._watermarks.get(sample.partition, sample.watermark)
            self._watermarks[sample.partition] = max(before, sample.watermark)
            self._sampling_changed = True

    def _erase(self, customer: int) -> None:
        # written down even of who is not in it: a tombstone before may have met a restart
        self._times.pop(customer, None)
        self._earlier.pop(customer, None)
        self._changed.add(customer)

    def _add(self, customer: int, time: int) -> None:
        times = self._times.setdefault(customer, [])
        place = bisect_left(times, time)
        if place < len(times) and times[place] == time:
            return
        times.insert(place, time)
        if len(times) > MOST_GAPS + 1:
            del times[0]
            self._earlier[customer] = self._earlier.get(customer, 0) + 1
        self._changed.add(customer)

    def _narrow(self, zero_bits: int) -> None:
        """Drop whoever has fewer zero bits."""
        self._zero_bits = zero_bits
        self._sampling_changed = True
        zeros = (1 << zero_bits) - 1
        for customer in [customer for customer in self._times if customer & zeros]:
            del self._times[customer]
            self._earlier.pop(customer, None)
            self._changed.add(customer)

    def histories(self, until: float) -> tuple[Histories, Whole]:
        """The purchases before `until`, and how many each customer made before the first of them.

        Who has made none by then is left out.
        """
        customers: list[int] = []
        times: list[int] = []
        earlier: list[int] = []
        for customer in sorted(self._times):
            known = self._times[customer]
            before = known[: bisect_left(known, until)]
            if before:
                customers += [len(earlier)] * len(before)
                times += before
                earlier.append(self._earlier.get(customer, 0))
        epoch = float(DAY_SECONDS * (min(times, default=0) // DAY_SECONDS))
        days = (np.array(times, np.float64) - epoch) / DAY_SECONDS
        end = (until - epoch) / DAY_SECONDS
        found = Histories.of(np.array(customers, np.int64), days, end, epoch)
        return found, np.array(earlier, np.int64)

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """Keys and values of what has changed since the last call; None: no longer in it."""
        changes = [(customer_key(who), self._encoded(who)) for who in sorted(self._changed)]
        if changes or self._sampling_changed:
            sampling = Sampling(
                zero_bits=self._zero_bits, watermarks=dict(sorted(self._watermarks.items()))
            )
            changes.append((SAMPLING_KEY, msgspec.json.encode(sampling)))
        self._changed, self._sampling_changed = set(), False
        return changes

    def _encoded(self, customer: int) -> bytes | None:
        times = self._times.get(customer)
        if times is None:
            return None
        earlier = self._earlier.get(customer, 0)
        return msgspec.json.encode(SampledCustomer(customer=customer, earlier=earlier, times=times))

    @classmethod
    def restored(cls, records: Mapping[bytes, bytes]) -> "PurchaseReservoir":
        """From the newest record of each key; others are passed over.

        Raises msgspec.DecodeError for one that is not readable.
        """
        made = cls()
        value = records.get(SAMPLING_KEY)
        if value is not None:
            sampling = decode_sampling(value)
            made._zero_bits, made._watermarks = sampling.zero_bits, dict(sampling.watermarks)
        made._restore(decode_customer(v) for k, v in records.items() if is_customer_key(k))
        return made

    def _restore(self, customers: Iterable[SampledCustomer]) -> None:
        """Who has too few zero bits had a tombstone, perhaps in a transaction behind `sampling`."""
        zeros = (1 << self._zero_bits) - 1
        for one in customers:
            if one.customer & zeros == 0:
                self._times[one.customer] = sorted(set(one.times))
                if one.earlier:
                    self._earlier[one.customer] = one.earlier
