"""The names under which decisions are published: from tenant, customer and episode alone."""

from hashlib import blake2b


def alert_id(tenant: str, customer_id: bytes, anchor: float) -> str:
    """32 hex digits that name one episode: blake2b over tenant, customer and anchor in ms.

    The same topics give the same ids on every replay; no score and no wall time enters.
    """
    digest = blake2b(digest_size=16, person=b"offbeat.alert.v1")
    for part in (tenant.encode(), customer_id, str(round(anchor * 1000.0)).encode()):
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.hexdigest()


def fingerprint(tenant: str, customer_id: bytes, causes: int) -> str:
    """32 hex digits that group alerts of one kind: tenant, customer and set of causes."""
    digest = blake2b(digest_size=16, person=b"offbeat.cause.v1")
    for part in (tenant.encode(), customer_id, bytes([causes])):
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.hexdigest()
