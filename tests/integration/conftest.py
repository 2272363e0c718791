"""What tests on a real broker share."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def nothing_left_to_collect() -> Iterator[None]:
    """Collect what a test leaves behind while nothing else happens.

    A fenced aiokafka producer leaves futures with an error, which are logged when they are
    collected; CPython 3.11 breaks when that happens in the middle of compiling a module.
    """
    yield
    gc.collect()
