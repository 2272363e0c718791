"""Damaged bytes by the million: the walk over record batches and the reading of records.

Real record batches (formats v0, v1 and v2, every codec) of good and bad examples whose JSON was
mutated; half of the batches are then damaged themselves: bits flipped, cut short, lengths and
counts changed, with the checksum left wrong or made right again so that the damage gets past it.

What must come of it: a batch is refused as corrupt by the two errors that say so, or every one of
its records is an event or a dead letter. Anything else counts as an exception; the bytes of the
first ones are kept in build/fuzz.

    python -m benchmarks.fuzz [--records 1000000] [--seed 1]
"""

import argparse
import random
import struct
import sys
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import google_crc32c
import orjson
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder

import schemas
from detectors.observations import Input
from detectors.profile import Profile
from detectors.state import CustomerState
from schemas.dead_letters import Headers, dead_letter_record
from streams.cli.progress import progress
from streams.figures import write_figures
from streams.kafka.columns import CRC_FROM, KEY_START, parse
from streams.partition.ingest import ingest

CATALOGUE = Path(schemas.__file__).parent / "catalogue"
KEPT = Path("build/fuzz")
BATCH_RECORDS = 250
LATEST = 1_900_000_000.0
# A state of its own for so many records: random ids would fill one without end.
STATE_RECORDS = 50_000
LEGACY_SHARE = 0.05
WEIRD: tuple[Any, ...] = (
    *(None, True, [], {}, "", "x" * 200, "\u202e", "c-81", "EUR", "eur", "order", "2026-02-30"),
    *("2026-02-09T17:41:05Z", "2026-02-09T17:41:05.25+01:00", "1999-12-31T23:30:00-01:00"),
    *(-1, 0, 0.1, -0.0, 1e308, 2**53, 2**64, 10**30, 1_800_000_000_000, 946_684_799_000),
)

Example = tuple[bytes | None, bytes | None, Headers]


def examples(source: Input) -> dict[str, list[bytes]]:
    """The contract's examples, good and bad."""
    folder = CATALOGUE / source.name.lower()
    return {
        kind: [path.read_bytes() for path in sorted(folder.glob(f"{kind}/*.json"))]
        for kind in ("good", "bad")
    }


class Fuzzer:
    """Seeded: the same number gives the same batches."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 (damage, not secrets)
        self.examples = {source: examples(source) for source in Input}

    # --- records ----------------------------------------------------------------------------------

    def record(self, source: Input) -> Example:
        """One example, as it is, with another value in a field, or with damaged bytes."""
        dice = self.random
        value = dice.choice(self.examples[source]["good" if dice.random() < 0.8 else "bad"])
        key: bytes | None = _customer(value)
        kind = dice.random()
        if kind < 0.5:
            value = self._other_field(value)
            key = _customer(value) if dice.random() < 0.9 else key
        elif kind < 0.8:
            value = self._damaged_bytes(value)
        headers: Headers = []
        if dice.random() < 0.1:
            headers = [(dice.choice(["ce_id", "ce_time", "ce_specversion", "x"]), self._bytes(12))]
        if dice.random() < 0.02:
            key = dice.choice([None, b"", self._bytes(20)])
        return key, None if dice.random() < 0.005 else value, headers

    def _other_field(self, value: bytes) -> bytes:
        try:
            event = orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
        if not isinstance(event, dict) or not event:
            return value
        field = self.random.choice(list(event))
        if self.random.random() < 0.2:
            del event[field]
        else:
            event[field] = self.random.choice(WEIRD)
        try:
            return orjson.dumps(event)
        except TypeError:  # an integer beyond 64 bits
            return value.replace(b":", b":%d" % 10**30, 1)

    def _damaged_bytes(self, value: bytes) -> bytes:
        data = bytearray(value)
        for _ in range(self.random.randint(1, 3)):
            at = self.random.randrange(len(data) + 1)
            end = min(at + self.random.randint(1, 8), len(data))
            kind = self.random.randrange(4)
            if kind == 0 and at < len(data):
                data[at] ^= 1 << self.random.randrange(8)
            elif kind == 1:
                del data[at:end]
            elif kind == 2:
                data[at:at] = self._bytes(4)
            else:
                data[at:at] = data[at:end] * self.random.randint(1, 50)
        return bytes(data)

    def _bytes(self, most: int) -> bytes:
        return self.random.randbytes(self.random.randint(1, most))

    # --- batches ----------------------------------------------------------------------------------

    def batch(self, source: Input) -> tuple[bytes, bool]:
        """A batch, half of the time damaged; and whether checksums are to be looked at."""
        records = [self.record(source) for _ in range(BATCH_RECORDS)]
        legacy = self.random.random() < LEGACY_SHARE
        data = bytearray(self._legacy(records) if legacy else self._current(records))
        if self.random.random() < 0.5:
            return bytes(data), True
        self._damage(data)
        if legacy:
            if self.random.random() < 0.5 and len(data) > 16:
                struct.pack_into(">I", data, 12, zlib.crc32(data[16:]))
            return bytes(data), True
        mended = self.random.random() < 0.7
        if mended and len(data) > CRC_FROM:
            struct.pack_into(">I", data, 17, google_crc32c.value(bytes(data[CRC_FROM:])))
        return bytes(data), self.random.random() < 0.8

    def _current(self, records: list[Example]) -> bytes:
        builder = DefaultRecordBatchBuilder(
            magic=2,
            compression_type=self.random.randrange(5),
            is_transactional=0,
            producer_id=-1,
            producer_epoch=-1,
            base_sequence=-1,
            batch_size=1 << 24,
        )
        for offset, (key, value, headers) in enumerate(records):
            builder.append(offset, 1_767_225_600_000 + offset, key, value, headers)
        return bytes(builder.build())

    def _legacy(self, records: list[Example]) -> bytes:
        magic = self.random.randrange(2)
        codec = self.random.randrange(3 + magic)  # LZ4 came with format v1
        builder = LegacyRecordBatchBuilder(magic, codec, 1 << 24)
        for offset, (key, value, _) in enumerate(records):
            builder.append(offset, timestamp=1_767_225_600_000, key=key, value=value)
        return bytes(builder.build())

    def _damage(self, data: bytearray) -> None:
        dice = self.random
        kind = dice.randrange(5)
        if kind == 0:  # bits, anywhere behind the offset and length
            for _ in range(dice.randint(1, 20)):
                data[dice.randrange(12, len(data))] ^= 1 << dice.randrange(8)
        elif kind == 1:  # cut short, the length saying so or not
            del data[dice.randrange(len(data)) :]
            if dice.random() < 0.7 and len(data) >= 12:
                struct.pack_into(">i", data, 8, len(data) - 12)
        elif kind == 2:  # the batch's own length
            struct.pack_into(">i", data, 8, dice.choice([-1, 0, 13, 14, 48, 49, 2**31 - 1]))
        elif kind == 3 and len(data) >= 61:  # attributes, last offset delta, count
            at, form = dice.choice([(21, ">h"), (23, ">i"), (57, ">i")])
            most = 2 ** (8 * struct.calcsize(form) - 1)
            number = dice.choice([-1, 0, 1, 8, 32, 10_000, most - 1, -most])
            struct.pack_into(form, data, at, max(min(number, most - 1), -most))
        else:  # a length inside: a byte of some record's varints
            for _ in range(dice.randint(1, 5)):
                data[dice.randrange(min(61, len(data) - 1), len(data))] = dice.choice(
                    [0, 1, 0x7F, 0x80, 0xFF]
                )


def _customer(value: bytes) -> bytes:
    """The key that the event asks for."""
    try:
        event = orjson.loads(value)
        return str(event.get("data", event)["customer_id"]).encode()
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, UnicodeEncodeError):
        return b"c-81"


class Reader:
    """Batches to events and dead letters, all of them counted."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.state = CustomerState(Profile())
        self._in_state = 0

    def read(self, source: Input, data: bytes, *, check_crc: bool) -> int:
        """Read one batch; how many records it turned out to hold."""
        before = self.counts["records"]
        try:
            for fetched in parse(data, 0, check_crc=check_crc, where="fuzz[0]"):
                slices = fetched.columns[:, KEY_START:]
                if len(slices) and not -1 <= slices.min() <= slices.max() <= len(fetched.data):
                    raise AssertionError("a slice leaves the buffer")  # noqa: TRY301 (counted below)
                got = ingest(source, fetched, self.state, latest_allowed=LATEST)
                for letter in got.dead_letters:
                    dead_letter_record(letter, "fuzz", 0)
                    self.reasons[letter.reason] += 1
                self.counts["records"] += len(fetched.columns)
                self.counts["events"] += len(got.observations)
                self.counts["dead_letters"] += len(got.dead_letters)
            self.counts["batches_read"] += 1
        except (CorruptRecordException, UnsupportedCodecError):
            self.counts["corrupt_batches"] += 1
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 (a codec in Rust panics with one)
            self._failed(source, data)
        read = self.counts["records"] - before
        self._in_state += read
        if self._in_state > STATE_RECORDS:
            self.state, self._in_state = CustomerState(Profile()), 0
        return read

    def _failed(self, source: Input, data: bytes) -> None:
        self.counts["exceptions"] += 1
        if self.counts["exceptions"] <= 10:
            KEPT.mkdir(parents=True, exist_ok=True)
            path = KEPT / f"{source.name.lower()}-{self.counts['exceptions']}.bin"
            path.write_bytes(data)
            print(f"{path}:", file=sys.stderr)
            traceback.print_exc()


def fuzz(records: int, seed: int, advance: Callable[[int], None]) -> dict[str, float]:
    """Read until so many records have been; the figures."""
    fuzzer, reader = Fuzzer(seed), Reader()
    started = time.perf_counter()
    while reader.counts["records"] < records:
        source = fuzzer.random.choice(list(Input))
        data, check_crc = fuzzer.batch(source)
        advance(reader.read(source, data, check_crc=check_crc))
    names = ("records", "exceptions", "events", "dead_letters", "batches_read", "corrupt_batches")
    return {
        **{name: reader.counts[name] for name in names},
        "reasons_seen": len(reader.reasons),
        "seed": seed,
        "seconds": time.perf_counter() - started,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with progress("Fuzzing", given.records, "records") as advance:
        figures = fuzz(given.records, given.seed, advance)
    write_figures("fuzz", figures)
    whole = figures["events"] + figures["dead_letters"] == figures["records"]
    sys.exit(bool(figures["exceptions"]) or not whole)


if __name__ == "__main__":
    main()
