"""Where a customer stands at any time, whether or not anything was decided then."""

import numpy as np

from detectors.compiled import by_name
from detectors.customer import CUSTOMER
from detectors.judgement.episodes import DECISION, UPDATED, say
from detectors.profile import Profile


def as_of(customer: np.void, now: float, profile: Profile) -> np.void:
    """The DECISION that would be written at `now` (seconds since the epoch) if one had to be.

    `customer` is a row of CUSTOMER, which stays as it is. Status and sequence of the record mean
    nothing. For `reasons.explain`, which puts it into words. Where the clock is learnt, `profile`
    holds the one in effect (`CustomerState.profile_in_effect`).
    """
    rows = np.frombuffer(customer.tobytes(), CUSTOMER).copy()
    records = np.zeros(1, DECISION)
    say(by_name(rows)[0], 0, UPDATED, now, profile.record, by_name(records)[0])
    record: np.void = records[0]
    return record
