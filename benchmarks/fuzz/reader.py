"""What is made of a fetch, and three ways of seeing that it is right.

* A second reader: aiokafka's own, over every fetch that is not damaged.
* Guard bytes: what lies behind a fetch's last batch must not matter.
* Bounds: kernels are compiled with their own checks (`NUMBA_BOUNDSCHECK`), so that a read past the
  buffer is an exception.
"""

import struct
import sys
import traceback
from collections import Counter
from pathlib import Path

import numba
import numpy as np
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from numpy.typing import NDArray

from benchmarks.fuzz.fetches import Fetch
from detectors.observations import Input
from detectors.profile import Profile
from detectors.state import CustomerState
from schemas.dead_letters import Headers, dead_letter_record
from streams.kafka.columns import (
    HEADERS_END,
    HEADERS_START,
    KEY_END,
    KEY_START,
    LENGTH_PREFIX,
    OFFSET,
    VALUE_END,
    VALUE_START,
    Fetched,
    parse,
)
from streams.kafka.old_format import SHORTEST
from streams.partition.ingest import Home, ingest
from streams.partition.records import read_headers

KEPT = Path("build/fuzz")
LATEST = 1_900_000_000.0
# A state of its own for so many records: random ids would fill one without end.
STATE_RECORDS = 50_000
# One byte less than what could be a batch: `parse` must not look at it.
GUARDS = tuple(bytes([byte]) * (SHORTEST - 1) for byte in (0x00, 0x01, 0xFF))
HOMES = (None, Home("fuzz", 1, 4), Home("fuzz", 0, None))
_WHERE = TopicPartition("fuzz", 0)

Plain = tuple[int, bytes | None, bytes | None, Headers]


@numba.njit()
def _beyond(buffer: NDArray[np.uint8]) -> int:
    return int(buffer[buffer.shape[0]])


def bounds_are_checked() -> bool:
    """Whether a kernel that reads past its buffer is stopped here."""
    try:
        _beyond(np.zeros(1, np.uint8))
    except IndexError:
        return True
    return False


class Reader:
    """Fetches to events and dead letters, all of them counted."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.state = CustomerState(Profile())
        self._in_state = 0

    def read(self, source: Input, fetch: Fetch) -> int:
        """Read one fetch; how many records it turned out to hold."""
        before = self.counts["records"]
        try:
            self._guarded(fetch)
            found: list[Plain] = []
            try:
                for fetched in _parsed(fetch, fetch.data):
                    self._ingested(source, fetched)
                    found += map(_plain, [fetched] * len(fetched.columns), fetched.columns)
                self.counts["fetches_read"] += 1
            except (CorruptRecordException, UnsupportedCodecError):
                if not fetch.damaged:
                    raise
                self.counts["corrupt_fetches"] += 1
            if not fetch.damaged:
                self._compared(fetch, found)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 (a codec in Rust panics with one)
            self._failed(source, fetch)
        read = self.counts["records"] - before
        self._in_state += read
        if self._in_state > STATE_RECORDS:
            self.state, self._in_state = CustomerState(Profile()), 0
        return read

    def _ingested(self, source: Input, fetched: Fetched) -> None:
        if not _within(fetched):
            raise AssertionError("a slice leaves its record")
        home = HOMES[self.counts["fetches_read"] % len(HOMES)]
        got = ingest(source, fetched, self.state, latest_allowed=LATEST, home=home)
        for letter in got.dead_letters:
            dead_letter_record(letter, "fuzz", 0)
            self.reasons[letter.reason] += 1
        self.counts["records"] += len(fetched.columns)
        self.counts["events"] += len(got.observations) + len(got.reroutes) + got.copies
        self.counts["events_sent_on"] += len(got.reroutes)
        self.counts["copies_passed_over"] += got.copies
        self.counts["dead_letters"] += len(got.dead_letters)

    def _guarded(self, fetch: Fetch) -> None:
        """What lies behind the last batch changes nothing, if that batch is whole."""
        if not _whole(fetch.data):
            return
        told = {_told(fetch, fetch.data + guard) for guard in GUARDS}
        self.counts["fetches_guarded"] += 1
        if len(told) != 1:
            raise AssertionError("what lies behind the fetch was read")

    def _compared(self, fetch: Fetch, found: list[Plain]) -> None:
        """aiokafka's own reader finds the same."""
        records = fetcher.PartitionRecords(
            _WHERE, MemoryRecords(fetch.data), [tuple(a) for a in fetch.aborted], fetch.position,
            None, None, True, fetcher.READ_COMMITTED,
        )  # fmt: skip
        theirs = [(r.offset, r.key, r.value, list(r.headers)) for r in records]
        self.counts["records_compared"] += len(theirs)
        if found != theirs:
            raise AssertionError("aiokafka's own reader finds other records")

    def _failed(self, source: Input, fetch: Fetch) -> None:
        self.counts["exceptions"] += 1
        if self.counts["exceptions"] <= 10:
            KEPT.mkdir(parents=True, exist_ok=True)
            path = KEPT / f"{source.name.lower()}-{self.counts['exceptions']}.bin"
            path.write_bytes(fetch.data)
            print(f"{path}, {fetch._replace(data=b'')}:", file=sys.stderr)
            traceback.print_exc()


def _within(fetched: Fetched) -> bool:
    """Whether key, value and headers of each record follow each other within the buffer."""
    slices = fetched.columns[:, KEY_START:].copy()
    starts, ends = slices[:, 0::2], slices[:, 1::2]
    ends[ends < 0] = starts[ends < 0]
    steps = np.diff(slices, axis=1, prepend=0)
    return bool(np.all(steps >= 0) and np.all(slices[:, -1] <= len(fetched.data)))


def _parsed(fetch: Fetch, data: bytes) -> list[Fetched]:
    fetches = parse(
        data, fetch.position, iter(fetch.aborted), check_crc=fetch.check_crc, where="fuzz[0]"
    )
    return list(fetches)


def _told(fetch: Fetch, data: bytes) -> tuple[object, ...]:
    """All that `parse` says of it, to be compared."""
    try:
        found = _parsed(fetch, data)
    except (CorruptRecordException, UnsupportedCodecError) as error:
        return (type(error),)
    return tuple((one.columns.tobytes(), one.first, one.after) for one in found)


def _whole(data: bytes) -> bool:
    """Whether it ends where its last batch says that it ends."""
    at = 0
    while len(data) - at >= LENGTH_PREFIX:
        (length,) = struct.unpack_from(">i", data, at + 8)
        if length < 0:
            return False
        at += LENGTH_PREFIX + length
    return at == len(data)


def _plain(fetched: Fetched, row: NDArray[np.int64]) -> Plain:
    def part(start: int, end: int) -> bytes | None:
        return None if row[end] < 0 else fetched.data[row[start] : row[end]]

    block = part(HEADERS_START, HEADERS_END) or b""
    parts = part(KEY_START, KEY_END), part(VALUE_START, VALUE_END)
    return int(row[OFFSET]), *parts, read_headers(block)
