"""What the core sees of an event: numbers in one flat record, ids as slices of one buffer.

Codes are the position in the lists of the input contracts, 0 first, and are part of nobody's wire
format. A field that the event does not have is NaN.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Input(IntEnum):
    """The four inputs; at equal effective times the lower code is applied first."""

    PURCHASES = 0
    VISITS = 1
    PAYMENTS = 2
    SUPPORT = 3


PURCHASES = int(Input.PURCHASES)
VISITS = int(Input.VISITS)
PAYMENTS = int(Input.PAYMENTS)


class PurchaseKind(IntEnum):
    """What was bought; a refund is not a purchase."""

    ORDER = 0
    REFUND = 1
    RENEWAL = 2
    SERVICE = 3
    SPARE_PART = 4


class VisitKind(IntEnum):
    """What kind of visit, or of a visit that did not take place."""

    SESSION = 0
    BOOKING = 1
    ATTENDED = 2
    CANCELLED = 3
    NO_SHOW = 4
    LESSON = 5
    LOGIN = 6
    PLAYBACK = 7


class PaymentStatus(IntEnum):
    """What became of a payment."""

    PAID = 0
    LATE = 1
    FAILED = 2
    REFUNDED = 3
    CHARGEBACK = 4
    CANCELLED = 5


class SupportKind(IntEnum):
    """What the customer told support, or did to our messages."""

    OPENED = 0
    COMPLAINT = 1
    RESOLVED = 2
    NPS = 3
    CSAT = 4
    CANCELLATION_REQUEST = 5
    UNSUBSCRIBED = 6
    MESSAGE_IGNORED = 7


OBSERVATION = np.dtype(
    [
        ("effective_time", "f8"),  # when it counts: seconds since the epoch, UTC
        ("event_time", "f8"),  # when it happened: gaps, silences and windows use this one
        ("amount", "f8"),  # money in `currency`; NaN when absent
        ("value", "f8"),  # expected_supply_days | duration_seconds | due_time | score
        ("extra", "f8"),  # discount | rescheduled 1/0 | period_days | severity 0-4 (4 = critical)
        ("id_hash", "u8"),  # index.hash_slices of the event id; 0 = unknown, never a duplicate
        ("id_start", "i8"),  # Batch.ids[id_start:id_end] is the event id
        ("id_end", "i8"),
        ("row", "i4"),  # the customer, from CustomerState.locate
        ("currency", "u4"),  # three ASCII letters, big-endian: "EUR" = 0x455552; 0 = none
        ("input", "u1"),  # Input
        ("kind", "u1"),  # PurchaseKind | VisitKind | PaymentStatus | SupportKind
    ],
    align=True,
)
"""One observation, 80 bytes. `value` and `extra` mean, input by input, what stands above."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Observations sorted by (effective_time, input), and the bytes of their event ids."""

    observations: NDArray[np.void]
    ids: NDArray[np.uint8]
