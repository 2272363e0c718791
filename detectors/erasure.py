"""Forgetting customers: their rows, and what the population counts of who is there now.

What a population has learnt from its customers together (gaps, hours of the week, rates of the
inputs, how often something was decided) stays: those are sums that no customer can be read from.
What says how many customers are where follows, as when they are given up.
"""

import numpy as np
from numpy.typing import NDArray

from detectors.customer import Episode, Segment
from detectors.state import SEGMENTS, CustomerState


def erase(state: CustomerState, rows: NDArray[np.integer]) -> NDArray[np.int32]:
    """Remove these customers. The new row of each old one, -1 for who went.

    Rows and index of all others are then byte for byte as if these had never come; their number in
    the partition's ranks, segments and open episodes is taken back.
    """
    population = state.population[0]
    for row in rows.tolist():
        customer = state.rows[row]
        place, segment = int(customer["value_place"]), int(customer["segment"])
        if place:
            population["values"][place - 1] -= 1
        if segment != Segment.UNSEEN:  # gone back to where they came from
            population["transitions"][segment * SEGMENTS + int(Segment.UNSEEN)] += 1
        if customer["episode"] == Episode.OPEN and not customer["suppressed"]:
            population["erased_open"] += 1
    return state.drop(rows)
