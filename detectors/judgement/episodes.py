"""Decisions: what is said about a customer, and the ids under which it is said."""

from enum import IntEnum
from hashlib import blake2b

import numpy as np

from detectors.learning.names import FEATURES


class Status(IntEnum):
    """opened -> updated* -> resolved (came back) | expired (churned); or held back."""

    OPENED = 1
    UPDATED = 2
    RESOLVED = 3
    EXPIRED = 4
    SUPPRESSED = 5


class Severity(IntEnum):
    """How sure it is that the customer has left (`Profile.warning_from` and so on)."""

    INFO = 1
    WARNING = 2
    ERROR = 3
    CRITICAL = 4


DECISION = np.dtype(
    [
        ("time", "f8"),  # when it is so: a deadline, or the observation's effective time
        ("anchor", "f8"),  # event time that names the episode
        ("opened_at", "f8"),
        ("resolved_at", "f8"),  # NaN unless resolved
        ("risk", "f8"),  # static P(no purchase within the horizon); of visits for who lives by them
        ("p_alive", "f8"),  # 1 / (1 + exp(sum of the six logits below))
        ("prior_logit", "f8"),  # additive log-odds of having left
        ("silence_logit", "f8"),
        ("visit_logit", "f8"),
        ("payment_logit", "f8"),
        ("complaint_logit", "f8"),
        ("cancellation_logit", "f8"),
        ("features", "f4", (len(FEATURES),)),  # as of `time`, for the model
        ("row", "i4"),
        ("sequence", "i4"),  # 1 for the first decision under this anchor
        ("status", "u1"),  # Status
        ("severity", "u1"),  # Severity
        ("causes", "u1"),  # Cause: active now (resolved, expired: as last said)
    ],
    align=True,
)
"""One decision; it depends on its customer's row and the profile alone."""


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
