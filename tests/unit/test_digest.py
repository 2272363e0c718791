"""One number for all rows: what it notices, and what it does not care about."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from streams.partition.digest import Digest, row_hashes

WIDTH = 16


def hashes(rows: int, seed: int = 1) -> NDArray[np.uint64]:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 256, (rows, WIDTH), np.uint8)
    return row_hashes(values, rng.integers(1, 1 << 63, rows).astype(np.uint64))


@settings(deadline=None)  # the first one may compile
@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_who_is_forgotten_leaves_the_digest_of_those_who_stay(stays: list[bool]) -> None:
    keep = np.array(stays)
    moved = np.where(keep, np.cumsum(keep) - 1, -1).astype(np.int32)
    everybody = hashes(len(keep))
    digest = Digest(everybody)
    digest.forget(moved)
    left = Digest(everybody[keep])
    assert (str(digest), digest.rows) == (str(left), left.rows)
    new = hashes(len(keep), seed=2)
    for one in (digest, left):  # and rows are found under their new numbers
        one.replace(np.arange(len(keep), dtype=np.int32), new)
    assert (str(digest), digest.rows) == (str(Digest(new)), len(keep))
    assert str(left) == str(digest)


def test_rows_that_were_never_written_can_be_forgotten() -> None:
    digest = Digest(hashes(2))
    digest.forget(np.array([0, 1, -1, 2], np.int32))
    assert (str(digest), digest.rows) == (str(Digest(hashes(2))), 2)


@given(st.permutations(range(5)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    assert str(Digest(hashes(5)[order])) == str(Digest(hashes(5)))


@pytest.mark.parametrize("byte", range(WIDTH))
def test_a_byte_of_a_row_matters(byte: int) -> None:
    values, ids = np.zeros((1, WIDTH), np.uint8), np.ones(1, np.uint64)
    before = str(Digest(row_hashes(values, ids)))
    values[0, byte] = 1
    assert str(Digest(row_hashes(values, ids))) != before


def test_whose_row_it_is_matters() -> None:
    values = np.zeros((1, WIDTH), np.uint8)
    mine, yours = (str(Digest(row_hashes(values, np.array([n], np.uint64)))) for n in (1, 2))
    assert mine != yours


def test_nobody_has_a_digest_too() -> None:
    empty = Digest(hashes(0))
    assert (str(empty), empty.rows) == ("0" * 16, 0)
    empty.replace(np.array([0], np.int32), hashes(1))
    assert empty.rows == 1
