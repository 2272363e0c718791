"""The digest of rows: the same rows give the same, anything else another."""

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from streams.partition.digest import Digest, comparable, copy_rows

Rows = list[tuple[int, int]]  # id, content


def arrays(rows: Rows) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
    ids = np.array([i for i, _ in rows], np.uint64)
    words = np.array([[7, 0, c, 0, c + 1, 3] for _, c in rows], np.uint64)
    return words.view(np.uint8).reshape(-1, 48), ids


def hashes(rows: Rows) -> NDArray[np.uint32]:
    values, ids = arrays(rows)
    return copy_rows(values, np.arange(len(rows), dtype=np.int32), ids)[1]


def digest(rows: Rows) -> Digest:
    return Digest(*arrays(rows))


contents = st.lists(st.integers(0, 2**63), min_size=1, max_size=20)


@given(contents, st.randoms(use_true_random=False))
def test_the_order_of_rows_says_nothing(values: list[int], random: Random) -> None:
    rows = list(enumerate(values))
    mixed = rows.copy()
    random.shuffle(mixed)
    assert str(digest(rows)) == str(digest(mixed))


@given(contents, st.data())
def test_one_changed_row_is_another_digest(values: list[int], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(values) - 1))
    bit = data.draw(st.integers(0, 63))
    changed = values.copy()
    changed[place] ^= 1 << bit
    assert str(digest(list(enumerate(values)))) != str(digest(list(enumerate(changed))))


def test_two_customers_with_each_others_rows_are_another_digest() -> None:
    assert str(digest([(1, 10), (2, 20)])) != str(digest([(1, 20), (2, 10)]))


@given(contents, contents)
def test_replaced_rows_give_the_digest_of_what_is_there_then(
    before: list[int], after: list[int]
) -> None:
    kept = digest(list(enumerate(before)))
    rows = np.arange(len(after), dtype=np.int32)
    kept.replace(rows, hashes(list(enumerate(after))))
    now = [*after, *before[len(after) :]]
    assert str(kept) == str(digest(list(enumerate(now))))
    assert kept.rows == len(now)


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_who_is_forgotten_leaves_the_digest_of_those_who_stay(stays: list[bool]) -> None:
    keep = np.array(stays)
    moved = np.where(keep, np.cumsum(keep) - 1, -1).astype(np.int32)
    everybody = list(enumerate(range(len(stays))))
    found = digest(everybody)
    left = digest([one for one, kept in zip(everybody, stays, strict=True) if kept])
    found.forget(moved)
    assert (str(found), found.rows) == (str(left), left.rows)
    if left.rows:  # and rows are found under their new numbers
        found.replace(np.array([left.rows - 1], np.int32), hashes([(99, 99)]))
        left.replace(np.array([left.rows - 1], np.int32), hashes([(99, 99)]))
        assert (str(found), found.rows) == (str(left), left.rows)


def test_rows_that_were_never_written_can_be_forgotten() -> None:
    found = digest([(1, 10), (2, 20)])
    found.forget(np.array([0, 1, -1, 2], np.int32))
    assert (str(found), found.rows) == (str(digest([(1, 10), (2, 20)])), 2)


def test_a_digest_of_another_formula_is_not_compared() -> None:
    assert comparable(str(Digest(np.zeros((1, 8), np.uint8), np.ones(1, np.uint64))))
    assert not comparable("00000000000000a1")
    assert not comparable("")
