"""Simulated events through the engine: what was decided, and when."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from detectors.engine import advance, apply
from detectors.observations import OBSERVATION, Batch, Input
from detectors.profile import Profile
from detectors.state import CustomerState

EUR = 0x455552
NO_IDS = np.zeros(0, np.uint8)


def empty_state(customers: int, profile: Profile) -> CustomerState:
    """A state in which the row of customer n is row n."""
    state = CustomerState(profile, max(customers, 1))
    names = [b"%d" % customer for customer in range(customers)]
    ends = np.cumsum([len(name) for name in names], dtype=np.int64)
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    state.locate(np.frombuffer(b"".join(names), np.uint8), starts, ends)
    return state


def observations(events: NDArray[np.void]) -> Batch:
    """Events (`simulate.EVENT`, in order) as the engine takes them; ids are left out."""
    taken = np.zeros(len(events), OBSERVATION)
    taken["effective_time"] = taken["event_time"] = events["time"]
    taken["row"] = events["customer"]
    for name in ("amount", "value", "extra", "input", "kind"):
        taken[name] = events[name]
    taken["currency"] = np.where(events["input"] == Input.PURCHASES, EUR, 0)
    return Batch(taken, NO_IDS)


def decided(
    batches: Iterable[Batch], customers: int, profile: Profile, end: float
) -> NDArray[np.void]:
    """Every DECISION until `end` (seconds), in the order of its customer and time."""
    state = empty_state(customers, profile)
    parts = [apply(state, batch).records for batch in batches]
    parts.append(advance(state, end).records)
    records = np.concatenate(parts)
    return records[np.lexsort((records["time"], records["row"]))]
