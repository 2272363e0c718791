"""Records of an input that lay in another partition than their key's, and were sent on to it.

A record is sent on once by each consumer group, for itself: the copy carries which group that was
and where the record lay. The group's own copy counts; those of other groups do not, because the
original is there for everybody. Whoever finds its own copy in a wrong place again keeps it as a
dead letter instead of sending it round in circles.
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


def rerouted(headers: Headers, group: str, partition: int, offset: int) -> Headers:
    """The headers with which a record goes on that lay at this place.

    >>> rerouted([], "offbeat", 2, 17)
    [('offbeat-rerouted', b'offbeat/2/17')]
    """
    return [*headers, (REROUTED, f"{group}/{partition}/{offset}".encode())]


def rerouted_by(headers: Headers) -> str | None:
    """The group that has sent it on; None when nobody has.

    >>> rerouted_by(rerouted([], "offbeat", 2, 17))
    'offbeat'
    """
    for name, value in headers:
        if name == REROUTED:
            return (value or b"").decode(errors="replace").partition("/")[0]
    return None
