"""Processes of their own, and what memory they have."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

GIB = 2.0**30

Given = ParamSpec("Given")
Result = TypeVar("Result")


def in_child(
    function: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
) -> Result:
    """Call it in a new process, whose memory is then its own."""
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawned) as pool:
        return pool.submit(function, *args, **kwargs).result()


def resident_bytes() -> int:
    """Of this process, now."""
    return _status("VmRSS")


def peak_bytes() -> int:
    """The most that was ever resident of this process."""
    return _status("VmHWM")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {name}: memory is measured on Linux")
