"""What has changed is handed out once, in order."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.changed import WORD, flags_of, take_dirty, words_from


@settings(deadline=None)  # the first call may compile
@given(st.lists(st.booleans(), min_size=1, max_size=3000), st.integers(WORD, 200))
def test_dirty_rows_are_handed_out_in_portions_and_once(flags: list[bool], portion: int) -> None:
    size = len(flags)
    dirty = words_from(np.array(flags, np.uint8))
    assert flags_of(dirty, size).tolist() == flags
    assert [int(bits) >> i & 1 for bits in dirty for i in range(WORD)][:size] == flags
    taken: list[int] = []
    out = np.empty(portion, np.int32)
    word = 0
    while word < len(dirty):
        count, word = take_dirty(dirty, size, word, out)
        taken += out[:count].tolist()
    assert taken == [row for row, flag in enumerate(flags) if flag]
    assert not dirty.any()
