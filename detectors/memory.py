"""Arrays that grow where they are.

Doubling by a copy needs three times the memory while it lasts. From some megabytes on an array is
therefore a mapping of its own: to grow, Linux moves its pages and not their bytes (mremap), and
pages that nobody has written take no memory. Where the system allows it they are huge ones, because
rows are looked up at random: with small pages every look would also be a miss of the address
tables.
"""

import mmap
from contextlib import suppress
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

Item = TypeVar("Item", bound=np.generic)

MAPPED_BYTES = 1 << 22  # two huge pages; below it a copy costs less than what a mapping rounds up
PAGE_BYTES = 1 << 21  # a huge page


class Column(Generic[Item]):
    """`items`: an array whose new items are zero.

    `items` is another array after `grow`: read it from the column each time. Who still holds the
    one from before keeps what stood there, and makes this growth a copy.
    """

    def __init__(self, dtype: DTypeLike, length: int) -> None:
        self._dtype = np.dtype(dtype)
        self._map: mmap.mmap | None = None
        self.items: NDArray[Item] = self._empty(length)

    def grow(self, length: int) -> None:
        """Make it `length` items, at least as many as it has."""
        before = self.items
        if self._map is not None:
            used = len(before)
            del before
            self.items = np.empty(0, self._dtype)  # a mapping that is looked at does not move
            if _moved(self._map, length * self._dtype.itemsize):
                self.items = np.frombuffer(self._map, self._dtype, length)
                return
            before = np.frombuffer(self._map, self._dtype, used)
        self.items = self._empty(length)
        self.items[: len(before)] = before

    def _empty(self, length: int) -> NDArray[Item]:
        size = length * self._dtype.itemsize
        if size < MAPPED_BYTES:
            return np.zeros(length, self._dtype)
        self._map = mmap.mmap(-1, _rounded(size), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with suppress(AttributeError, OSError):  # other systems; a kernel without huge pages
            self._map.madvise(mmap.MADV_HUGEPAGE)
        return np.frombuffer(self._map, self._dtype, length)


def _moved(mapping: mmap.mmap, size: int) -> bool:
    """Whether the mapping has `size` bytes now; it has not where somebody looks at it."""
    try:
        mapping.resize(max(_rounded(size), len(mapping)))
    except (BufferError, SystemError):  # SystemError: a system without mremap
        return False
    return True


def _rounded(size: int) -> int:
    return -(-size // PAGE_BYTES) * PAGE_BYTES


def larger(capacity: int) -> int:
    """The capacity after this one.

    Twice as much at first, then a quarter more: what is kept ready stays below a quarter, and the
    index, which is built anew each time, costs five insertions a customer in all.
    """
    return 2 * capacity if capacity < 8192 else capacity + capacity // 4
