"""Records of good and bad examples, as they are or damaged."""

import random
from pathlib import Path
from typing import Any

import orjson

import schemas
from detectors.observations import Input
from schemas.dead_letters import Headers
from schemas.reroutes import REROUTED

CATALOGUE = Path(schemas.__file__).parent / "catalogue"
HEADERS = ("ce_id", "ce_time", "ce_specversion", REROUTED, "x", "")
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


class Records:
    """Records by the numbers that `dice` throws."""

    def __init__(self, dice: random.Random) -> None:
        self.random = dice
        self.examples = {source: examples(source) for source in Input}

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
        if dice.random() < 0.15:
            headers = [self._header() for _ in range(dice.randint(1, 3))]
        if dice.random() < 0.02:
            key = dice.choice([None, b"", self._bytes(20)])
        return key, None if dice.random() < 0.005 else value, headers

    def _header(self) -> tuple[str, bytes | None]:
        name = self.random.choice(HEADERS)
        if name == REROUTED and self.random.random() < 0.5:
            return name, self.random.choice([b"fuzz/1/7", b"other/2/9", b"fuzz", b"//"])
        return name, None if self.random.random() < 0.1 else self._bytes(12)

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


def _customer(value: bytes) -> bytes:
    """The key that the event asks for."""
    try:
        event = orjson.loads(value)
        return str(event.get("data", event)["customer_id"]).encode()
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, UnicodeEncodeError):
        return b"c-81"
