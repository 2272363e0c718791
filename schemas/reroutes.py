"""Records of an input that lay in another partition than their key's, and were sent on to it.

A record is sent on once: it carries where it lay, and whoever finds it in a wrong place again
keeps it as a dead letter instead of sending it round in circles.
"""

from typing import NamedTuple

from schemas.dead_letters import Headers

REROUTED = "offbeat-rerouted"
# Far below what a broker takes by default (1 MiB), beside a key and value of 64 KiB.
MAX_HEADER_BYTES = 256 << 10


class Reroute(NamedTuple):
    """One record on its way to the partition of its key; `offset` is where it lay."""

    offset: int
    partition: int
    key: bytes
    value: bytes | None
    headers: Headers


def rerouted(headers: Headers, partition: int, offset: int) -> Headers:
    """The headers with which a record goes on that lay at this place.

    >>> rerouted([], 2, 17)
    [('offbeat-rerouted', b'2/17')]
    """
    return [*headers, (REROUTED, f"{partition}/{offset}".encode())]


def was_rerouted(headers: Headers) -> bool:
    """Whether somebody has sent it on already."""
    return any(name == REROUTED for name, _ in headers)
