"""Where the customers of a partition stand, counted from their rows.

    state     well, at risk (an announced episode is open), held back (one is open that is not
              announced), churned (given up, announced or not); who has not been seen yet is none
    at risk   by segment and leading cause: how many, and what they would spend within the value
              horizon, by currency

A count is of rows [first, end) and adds to what was counted before, so that many rows can be
counted in portions: between two of them customers may have moved, and the sums are then off by
these few. About 10 ns a customer, 0.5 µs one at risk.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Rows, by_name, kernel
from detectors.customer import EXPIRED, OPEN, Segment
from detectors.judgement.leading import CAUSES, leading_cause
from detectors.judgement.value import expected_value
from detectors.state import CURRENCIES, SEGMENTS, CustomerState

UNSEEN = int(Segment.UNSEEN)


class Standing(IntEnum):
    """Where a customer stands."""

    WELL = 0
    AT_RISK = 1
    HELD_BACK = 2
    CHURNED = 3


WELL = int(Standing.WELL)
AT_RISK = int(Standing.AT_RISK)
HELD_BACK = int(Standing.HELD_BACK)
CHURNED = int(Standing.CHURNED)

CENSUS = np.dtype(
    [
        ("standing", "i8", (len(Standing),)),
        ("at_risk", "i8", (SEGMENTS, len(CAUSES))),
        # in the currencies of the population, in its order; none in others
        ("value", "f8", (SEGMENTS, len(CAUSES), CURRENCIES)),
    ],
    align=True,
)
"""How many, and how much money."""


def count(
    state: CustomerState, first: int, end: int, now: float, counted: NDArray[np.void]
) -> None:
    """Add the rows [first, end), as they are at `now`, to CENSUS[1].

    `now`: not before the watermark, in seconds since the epoch.
    """
    state.wind_clock()
    one = counted[0]
    _count(
        by_name(state.rows), first, min(end, state.size), now, by_name(state.parameters),
        state.population["currencies"][0], one["standing"], one["at_risk"], one["value"],
    )  # fmt: skip


@kernel
def _count(
    rows: Rows,
    first: int,
    end: int,
    now: float,
    parameters: Rows,
    currencies: NDArray[np.uint32],
    standing: NDArray[np.int64],
    at_risk: NDArray[np.int64],
    value: NDArray[np.float64],
) -> None:
    p = parameters[0]
    for row in range(first, end):
        c = rows[row]
        if int(c.segment) == UNSEEN:
            continue
        if int(c.episode) != OPEN:
            standing[CHURNED if int(c.episode) == EXPIRED else WELL] += 1
            continue
        if int(c.suppressed) != 0:
            standing[HELD_BACK] += 1
            continue
        standing[AT_RISK] += 1
        segment, cause = int(c.segment), leading_cause(c, now, p)
        at_risk[segment, cause] += 1
        for place in range(currencies.shape[0]):
            if int(c.currency) != 0 and currencies[place] == c.currency:
                value[segment, cause, place] += expected_value(c, p)
