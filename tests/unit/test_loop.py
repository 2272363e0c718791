"""A TLS connection ends within a bound, whatever the other side does."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Iterator

import pytest
import trustme

from streams.loop import CLOSING_SECONDS, Loop


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def silent(authority: trustme.CA) -> Iterator[int]:
    """The port of a server that shakes hands, and then neither reads nor writes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        connection, _ = listening.accept()
        with context.wrap_socket(connection, server_side=True):
            over.wait()

    server = threading.Thread(target=serve)
    server.start()
    yield listening.getsockname()[1]
    over.set()
    server.join()
    listening.close()


def test_a_good_bye_that_is_not_answered_is_not_waited_for(
    authority: trustme.CA, silent: int
) -> None:
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async def closing_seconds() -> float:
        _, writer = await asyncio.open_connection("127.0.0.1", silent, ssl=trusting)
        begun = time.monotonic()
        writer.close()
        with pytest.raises(TimeoutError):
            await writer.wait_closed()
        return time.monotonic() - begun

    with asyncio.Runner(loop_factory=Loop) as runner:
        took = runner.run(closing_seconds())
    assert took == pytest.approx(CLOSING_SECONDS, abs=1.5)
