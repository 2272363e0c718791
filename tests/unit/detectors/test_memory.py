"""Arrays grow where they are; what a state takes while it grows is measured in a process."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from detectors.memory import MAPPED_BYTES, Column, larger

ROOT = Path(__file__).parents[3]
LARGE = MAPPED_BYTES // 8  # items of 8 bytes that make a mapping

GROWING = """
import numpy as np
from benchmarks.speed.measuring import peak_bytes, resident_bytes
from detectors.profile import Profile
from detectors.state import CustomerState

def come(first, end):
    names = [b"c-%06d" % number for number in range(first, end)]
    ends = np.cumsum([0, *map(len, names)])
    state.locate(np.frombuffer(b"".join(names), np.uint8), ends[:-1], ends[1:])

state = CustomerState(Profile())
come(0, 10_000)  # compiles
before = resident_bytes()
for first in range(10_000, 310_000, 5_000):
    come(first, first + 5_000)
print(resident_bytes() - before, peak_bytes() - before, state.nbytes)
"""


def test_a_column_keeps_its_items_and_new_ones_are_zero() -> None:
    column = Column[np.int64](np.int64, 3)
    known = 0
    for length in (5, 1000, LARGE, LARGE + 1, 3 * LARGE, 3 * LARGE, 9 * LARGE):
        column.grow(length)
        assert len(column.items) == length
        assert column.items[:known].tolist() == list(range(known))
        assert not column.items[known:].any()
        known = min(length, 2000)
        column.items[:known] = np.arange(known)


@pytest.mark.parametrize("length", [10, LARGE])
def test_who_holds_the_items_from_before_keeps_them(length: int) -> None:
    column = Column[np.int64](np.int64, length)
    column.items[:] = 7
    held = column.items
    column.grow(4 * length)
    column.items[:] = 8
    assert (held == 7).all()
    assert (column.items == 8).all()
    del held
    column.grow(5 * length)
    assert (column.items[: 4 * length] == 8).all()
    assert not column.items[4 * length :].any()


def test_what_is_kept_ready_stays_below_a_quarter() -> None:
    capacity = 1
    for _ in range(60):
        more = larger(capacity)
        assert capacity < more <= max(16_384, 1.25 * capacity)
        capacity = more


def test_a_state_takes_no_more_while_it_grows_than_when_it_has() -> None:
    """On Linux, where workers run; elsewhere growing copies, and this fails."""
    done = subprocess.run(
        [sys.executable, "-c", GROWING], cwd=ROOT, capture_output=True, text=True, check=True
    )
    taken, peak, nbytes = map(int, done.stdout.split())
    assert taken > 300_000 * 480
    assert peak < 1.1 * taken
    assert nbytes < 1.3 * taken
