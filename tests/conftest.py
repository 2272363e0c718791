"""What all tests share: one real Kafka broker a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from streams.kafka.broker import bootstrap

# an example takes as long as the machine lets it, and the first one loads a kernel
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """The address of Apache Kafka: OFFBEAT_BROKER if set, else one started for this session.

    A broker that cannot start fails the tests that need it. Tests share it: use topic and group
    names of your own. Tests that kill a broker start their own `EmbeddedBroker`.
    """
    with bootstrap(None) as address:
        yield address
