"""The state changelog: one record a customer, and one for the partition itself.

A customer's record is binary: `FORMAT` (1 byte), the row layout's version (2 bytes, big-endian),
the row's bytes in that layout; a tombstone says that the customer was erased. Layouts are frozen as
JSON beside this module, so that a reader finds every field by its name and version N reads what N-1
wrote. The partition's record is JSON under `PARTITION_KEY`, a key that no customer can have.
"""

import struct
from importlib.resources import files
from typing import Literal, NamedTuple

import msgspec

PARTITION_KEY = b"\x00partition"
FORMAT = 1
_PREFIX = struct.Struct(">BH")


class PartitionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a partition goes on from, beside its customers' rows.

    Times are seconds since the epoch; None stands for "nothing yet". `released` is, per input, the
    effective time of the last event that was applied; `positions` the next offset to read of each
    input.
    """

    schema: Literal["offbeat.partition.v1"] = "offbeat.partition.v1"
    positions: dict[str, int]
    released: dict[str, float | None]
    watermark: float | None
    customers: int
    digest: str = (
        ""  # of their rows, see streams.partition.digest; none in what older versions wrote
    )
    population: dict[str, float | list[float]]
    # by input: records in the newest block, then dead letters by block, the newest last
    dead_letters: dict[str, list[int]] = {}
    # the next offset to read of the customers' topic, by its name, once one has been read
    customers_position: dict[str, int] = {}


class LayoutField(msgspec.Struct, frozen=True):
    """One field of a row: its name, numpy type and shape, and where it lies."""

    name: str
    type: str
    offset: int
    shape: list[int] = []


class Layout(msgspec.Struct, frozen=True):
    """A frozen row layout."""

    version: int
    itemsize: int
    fields: list[LayoutField]


class RowBytes(NamedTuple):
    """A customer's record taken apart: where its row starts in the value, and in which layout."""

    layout: int
    start: int


def prefix(layout: int) -> bytes:
    """What stands before a row's bytes."""
    return _PREFIX.pack(FORMAT, layout)


def read_prefix(value: bytes | memoryview) -> RowBytes:
    """The layout version of a customer's record.

    Raises:
        ValueError: the record is shorter than its prefix, or of a format that this version cannot
            read.
    """
    if len(value) < _PREFIX.size:
        raise ValueError(f"a changelog record of {len(value)} bytes is too short to be a row")
    format_, layout = _PREFIX.unpack_from(value)
    if format_ != FORMAT:
        raise ValueError(f"changelog format {format_}; this version reads {FORMAT}")
    return RowBytes(layout, _PREFIX.size)


def frozen_layout(version: int) -> Layout:
    """The layout that `version` names.

    Raises:
        FileNotFoundError: a newer offbeat wrote it (or it was never frozen).
    """
    text = (files("schemas") / "layouts" / f"customer-v{version}.json").read_bytes()
    return msgspec.json.decode(text, type=Layout)


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(PartitionRecord)


def encode_partition(record: PartitionRecord) -> bytes:
    """The partition's record as JSON, for the changelog."""
    return _ENCODER.encode(record)


def decode_partition(value: bytes | memoryview) -> PartitionRecord:
    """The partition's record out of its JSON.

    Raises:
        msgspec.ValidationError: it is not one; names the path of what is wrong.
        msgspec.DecodeError: it is not JSON.
    """
    return _DECODER.decode(value)
