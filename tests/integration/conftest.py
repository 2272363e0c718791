"""What tests on a real broker share."""

import gc
import uuid
from collections.abc import Iterator

import pytest

from benchmarks.harness import create_topics, named
from streams.settings import Settings


@pytest.fixture(autouse=True)
def nothing_left_to_collect() -> Iterator[None]:
    """Collect what a test leaves behind while nothing else happens.

    A fenced aiokafka producer leaves futures with an error, which are logged when they are
    collected; CPython 3.11 breaks when that happens in the middle of compiling a module.
    """
    yield
    gc.collect()


@pytest.fixture
async def settings(broker: str) -> Settings:
    """Topics and a group of a test's own; two partitions; time runs in the events alone."""
    settings = named(broker, f"owner-{uuid.uuid4().hex[:8]}", clock="event", partitions=2)
    await create_topics(settings)
    return settings
