"""How the core's small functions are compiled: one decorator, one view.

A kernel is a plain Python function over one customer's row, numbers and arrays. `kernel` hands it
to numba (`njit(nogil=True)`, machine code kept on disk); with `NUMBA_DISABLE_JIT=1` the very same
code runs uncompiled, for coverage and debugging. Three habits keep the two alike:

* read an unsigned or 32-bit field through `int()` or `float()` before arithmetic
  (numpy keeps the narrow type, numba widens it);
* 64-bit hashes stay `np.uint64` throughout (mixed with a signed integer, numba makes a float);
* arrays of records pass through `by_name`, because only record arrays give `row.field` uncompiled.

numba notices a change of the file that a function is written in, but not of the kernels that it
calls from other files. So the stamp of everything compiled here is a digest of all source files of
this package and of the function's own: an upgraded package never runs yesterday's machine code.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])

Row: TypeAlias = Any
"""One record of a structured array with its fields as attributes (numba has no static type)."""

Rows: TypeAlias = Any
"""An array of such records, made by `by_name`."""

Bytes: TypeAlias = NDArray[np.uint8]
"""A buffer of bytes; ids are slices of it."""


UNCOMPILED = bool(vars(numba.config)["DISABLE_JIT"])


@cache
def source_stamp(package: str) -> str:
    """Digest over every source file of this package and of `package`, 32 hex digits."""
    digest = blake2b(digest_size=16)
    root = Path(__file__).parent.parent
    for folder in sorted({root / "detectors", root / package}):
        for path in sorted(folder.rglob("*.py")):
            digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def kernel(function: Function) -> Function:
    """Compile `function`, typed as itself. Where no folder can be written, nothing is kept."""
    if UNCOMPILED:
        return function
    compiled: Any = numba.njit(nogil=True)(function)
    try:
        compiled.enable_caching()
    except RuntimeError:  # read-only file system without NUMBA_CACHE_DIR: compile in each process
        return cast(Function, compiled)
    stamp = source_stamp(function.__module__.partition(".")[0])
    kept = compiled._cache  # noqa: SLF001 (there is no public way)
    kept._cache_file._source_stamp = stamp  # noqa: SLF001 (as above)
    kept.save_overload = _if_there_is_room(kept.save_overload)
    return cast(Function, compiled)


def _if_there_is_room(save: Callable[..., None]) -> Callable[..., None]:
    """Keep what was compiled; where the disk is full, it is compiled once more next time."""

    def try_to_save(*arguments: Any) -> None:
        with suppress(OSError):
            save(*arguments)

    return try_to_save


def by_name(array: NDArray[np.void]) -> Rows:
    """The same memory as kernels want it: uncompiled, only record arrays give `row.field`."""
    return array.view(np.recarray) if UNCOMPILED else array
