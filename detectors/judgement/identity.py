"""The names under which decisions are published: from tenant, customer and episode alone."""

from collections.abc import Iterable
from hashlib import blake2b
from struct import Struct

_length = Struct(">I").pack


def alert_ids(tenant: str, customer_ids: Iterable[bytes], anchors: Iterable[float]) -> list[str]:
    """32 hex digits that name each episode: blake2b over tenant, customer and anchor in ms.

    The same topics give the same ids on every replay; no score and no wall time enters.
    """
    anchored = (b"%d" % round(anchor * 1000.0) for anchor in anchors)
    return _digests(b"offbeat.alert.v1", tenant, customer_ids, anchored)


def fingerprints(tenant: str, customer_ids: Iterable[bytes], causes: Iterable[int]) -> list[str]:
    """32 hex digits that group alerts of one kind: tenant, customer and set of causes."""
    return _digests(b"offbeat.cause.v1", tenant, customer_ids, (bytes((one,)) for one in causes))


def _digests(
    person: bytes, tenant: str, customer_ids: Iterable[bytes], parts: Iterable[bytes]
) -> list[str]:
    name = tenant.encode()
    begun = blake2b(_length(len(name)) + name, digest_size=16, person=person)
    found = []
    for customer_id, part in zip(customer_ids, parts, strict=True):
        digest = begun.copy()
        digest.update(_length(len(customer_id)) + customer_id + _length(len(part)) + part)
        found.append(digest.hexdigest())
    return found
