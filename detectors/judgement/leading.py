"""The one cause to count an episode under: that which says most for the customer having left.

Of the causes that were last announced, the one with the greatest log-odds; of equals the first, in
the order of `customer.Cause`. An alert orders its reasons by the same log-odds, but names every
term that says something, not causes alone.
"""

import math

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Row, Rows, by_name, kernel
from detectors.customer import (
    CANCELLATION_REQUEST,
    COMPLAINTS,
    NO_SHOWS,
    PAYMENT_TROUBLE,
    PURCHASE_SILENCE,
    SPEND_DECLINE,
    VISIT_DRIFT,
    VISIT_SILENCE,
    Cause,
)
from detectors.judgement.risk import assess
from detectors.signals.trouble import (
    cancellation_evidence,
    complaint_evidence,
    no_show_evidence,
    payment_evidence,
    spend_evidence,
)

CAUSES = tuple(Cause)
"""By the numbers that are given here: the position of a cause's bit."""


def leading_causes(records: NDArray[np.void]) -> NDArray[np.int64]:
    """Of DECISION[n]: the position in CAUSES of each; 0 for one without causes."""
    found = np.zeros(len(records), np.int64)
    _lead_all(by_name(records), found)
    return found


@kernel
def leading_cause(c: Row, now: float, p: Row) -> int:
    """Of a row at that time: the position in CAUSES."""
    _, silence, visits, _ = assess(c, now, p)
    return _strongest(
        int(c.announced_causes), silence, visits, payment_evidence(c, p), complaint_evidence(c, p),
        cancellation_evidence(c, p), spend_evidence(c, p), no_show_evidence(c, p),
    )  # fmt: skip


@kernel
def _lead_all(records: Rows, found: NDArray[np.int64]) -> None:
    for i in range(records.shape[0]):
        d = records[i]
        found[i] = _strongest(
            int(d.causes), d.silence_logit, d.visit_logit, d.payment_logit, d.complaint_logit,
            d.cancellation_logit, d.spend_logit, d.no_show_logit,
        )  # fmt: skip


@kernel
def _strongest(
    causes: int,
    silence: float,
    visits: float,
    payments: float,
    complaints: float,
    cancellation: float,
    spend: float,
    no_shows: float,
) -> int:
    best, most = 0, -math.inf
    if causes & PURCHASE_SILENCE:
        best, most = 0, silence
    if causes & VISIT_SILENCE and visits > most:
        best, most = 1, visits
    if causes & PAYMENT_TROUBLE and payments > most:
        best, most = 2, payments
    if causes & COMPLAINTS and complaints > most:
        best, most = 3, complaints
    if causes & CANCELLATION_REQUEST and cancellation > most:
        best, most = 4, cancellation
    if causes & VISIT_DRIFT and visits > most:
        best, most = 5, visits
    if causes & SPEND_DECLINE and spend > most:
        best, most = 6, spend
    if causes & NO_SHOWS and no_shows > most:
        best = 7
    return best
