"""Purchases of some of the customers, from which the population's parameters are fitted online.

Partitions send them to the trainer in `offbeat.examples`, as `Sample`. What the trainer keeps of
them lies in `offbeat.model`: a `SampledCustomer` each, and one `Sampling` over all.

A customer is the low 53 bits of the hash of their id, as many as every reader of JSON keeps. In the
sample are those whose last `zero_bits` bits are 0, so that one bit more halves it.
"""

from typing import Annotated, Literal

import msgspec

CUSTOMER_BITS = 53
MOST_PURCHASES = 10_000  # in one `Sample`: 300 KB, below any broker's limit

Customer = Annotated[int, msgspec.Meta(ge=0, lt=1 << CUSTOMER_BITS)]
ZeroBits = Annotated[int, msgspec.Meta(ge=0, le=CUSTOMER_BITS)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Purchases of one partition since the last such record: customer and time, side by side.

    Times in whole seconds since the epoch. `watermark`, in seconds since the epoch, says that all
    purchases before it have been sent; None where more follow. Of the customers in `erased` nothing
    that was sent before is kept.
    """

    schema: Literal["offbeat.sample.v1"] = "offbeat.sample.v1"
    partition: Count
    zero_bits: ZeroBits
    watermark: float | None
    customers: list[Customer]
    times: list[int]
    erased: list[Customer] = []

    def __post_init__(self) -> None:
        if len(self.customers) != len(self.times):
            raise ValueError(f"{len(self.customers)} customers and {len(self.times)} times")


class SampledCustomer(msgspec.Struct, frozen=True, kw_only=True):
    """The newest purchases of a customer, rising; `earlier` of them came before and are dropped."""

    schema: Literal["offbeat.sampled-customer.v1"] = "offbeat.sampled-customer.v1"
    customer: Customer
    earlier: Count
    times: Annotated[list[int], msgspec.Meta(min_length=1)]


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """Who is in the sample, and how far each partition has told of them, by its number."""

    schema: Literal["offbeat.sampling.v1"] = "offbeat.sampling.v1"
    zero_bits: ZeroBits
    watermarks: dict[int, float]


SAMPLING_KEY = b"sampling"
_CUSTOMER_KEY = b"sampled/"
_START = b'{"schema":"offbeat.sample.'

_SAMPLE = msgspec.json.Decoder(Sample)
_CUSTOMER = msgspec.json.Decoder(SampledCustomer)
_SAMPLING = msgspec.json.Decoder(Sampling)


def customer_key(customer: int) -> bytes:
    """The key of a `SampledCustomer`."""
    return b"%s%014x" % (_CUSTOMER_KEY, customer)


def is_customer_key(key: bytes | None) -> bool:
    """Whether this is the key of some `SampledCustomer`."""
    return key is not None and key.startswith(_CUSTOMER_KEY)


def is_sample(value: bytes) -> bool:
    """Whether a record of `offbeat.examples` is a `Sample`, of any version; else an example."""
    return value.startswith(_START)


def decode_sample(value: bytes) -> Sample:
    """The record. Raises msgspec.DecodeError or its ValidationError, which names the path."""
    return _SAMPLE.decode(value)


def decode_customer(value: bytes) -> SampledCustomer:
    """The record. Raises msgspec.DecodeError or its ValidationError, which names the path."""
    return _CUSTOMER.decode(value)


def decode_sampling(value: bytes) -> Sampling:
    """The record. Raises msgspec.DecodeError or its ValidationError, which names the path."""
    return _SAMPLING.decode(value)
