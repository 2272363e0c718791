"""Who is at risk now: the open episodes of a partition, found in its rows.

A look at the state, for people: nothing is changed, and nothing is decided by it.
"""

import numpy as np

from detectors.compiled import Row, Rows, kernel
from detectors.customer import OPEN
from detectors.judgement.value import expected_value

ROLL = np.dtype(
    [
        ("value", "f8"),  # expected spend within the value horizon, in `currency`
        ("opened_at", "f8"),
        ("row", "i4"),
        ("currency", "u4"),  # three ASCII letters, big-endian; 0 = none
        ("severity", "u1"),  # Severity
        ("segment", "u1"),  # Segment
        ("causes", "u1"),  # Cause
        ("suppressed", "u1"),  # Hold; 0 = it is announced
        ("value_tenth", "u1"),  # 10 = the most valuable tenth, 0 = not known
    ],
    align=True,
)
"""One open episode; the fields are those of the customer's row."""


@kernel
def list_open(rows: Rows, first: int, end: int, p: Row, found: Rows) -> int:
    """Write a ROLL for each open episode among `rows[first:end]`; how many there are.

    `rows` is CUSTOMER[...], p the profile's record, `found` ROLL[at least end - first].
    """
    n = 0
    for row in range(first, end):
        c = rows[row]
        if int(c.episode) != OPEN:
            continue
        f = found[n]
        f.value = expected_value(c, p)
        f.opened_at = c.opened_at
        f.row = row
        f.currency = c.currency
        f.severity = c.severity
        f.segment = c.segment
        f.causes = c.causes
        f.suppressed = c.suppressed
        f.value_tenth = c.value_tenth
        n += 1
    return n
