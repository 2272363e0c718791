"""Two profiles over one history: which alerts one has and the other has not."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.engine import Decisions
from detectors.judgement.episodes import Severity, Status
from detectors.judgement.reasons import explain_all
from detectors.lab.budget import alerts_opened
from detectors.profile import Profile
from schemas.instants import rfc3339
from streams.backtest.history import History

KEY = np.dtype([("row", "i4"), ("anchor", "f8")])


class Alerts(NamedTuple):
    """The alerts of one profile, sorted by (customer, anchor); same lengths.

    opened: index into the decisions of the one that opened it; last: of the last about it.
    """

    decisions: Decisions
    keys: NDArray[np.void]  # KEY: what an alert's id is made of
    opened: NDArray[np.int64]
    last: NDArray[np.int64]

    def statuses(self) -> NDArray[np.uint8]:
        """What became of each: `Status`."""
        return np.asarray(self.decisions.records["status"][self.last])

    def times(self) -> NDArray[np.float64]:
        """When each was opened, in seconds since the epoch."""
        return np.asarray(self.decisions.records["time"][self.opened])


def alerts_of(decisions: Decisions) -> Alerts:
    """Decisions (sorted by customer and time) by the alert that they speak of.

    What was opened again under the same anchor is the same alert.
    """
    records = decisions.records
    keys = np.empty(len(records), KEY)
    for name in KEY.names or ():
        keys[name] = records[name]
    begins = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: len(records)])
    ends = np.append(begins[1:], len(records)) - 1
    group = np.repeat(np.arange(begins.size), ends - begins + 1)
    opens = np.flatnonzero(alerts_opened(records))
    mine, first = np.unique(group[opens], return_index=True)
    return Alerts(decisions, keys[begins[mine]], opens[first], ends[mine])


class Differences(NamedTuple):
    """Which alerts of A and of B are in A alone, in B alone, and in both (in the same order)."""

    lost: NDArray[np.bool_]  # [alerts of A]
    gained: NDArray[np.bool_]  # [alerts of B]


def differences(before: Alerts, after: Alerts) -> Differences:
    """By customer and anchor, as alert ids are."""
    return Differences(~np.isin(before.keys, after.keys), ~np.isin(after.keys, before.keys))


def described(
    history: History, alerts: Alerts, which: NDArray[np.bool_], profile: Profile
) -> list[dict[str, Any]]:
    """Some of the alerts for people and files, by time and customer."""
    opened, last = alerts.opened[which], alerts.last[which]
    records = alerts.decisions.records[opened]
    said = explain_all(records, alerts.decisions.customers[opened], profile)
    ended = alerts.decisions.records[last]
    _, latest = history.signs().bounds()
    rows = [
        {
            "customer_id": history.name(row),
            "opened_at": rfc3339(time),
            "status": Status(status).name.lower(),
            "severity": Severity(severity).name.lower(),
            "reason": why.reasons[0].text if why.reasons else "",
            "came_back": bool(latest[row] > time),
        }
        for row, time, status, severity, why in zip(
            records["row"].tolist(),
            records["time"].tolist(),
            ended["status"].tolist(),
            ended["severity"].tolist(),
            said,
            strict=True,
        )
    ]
    return sorted(rows, key=lambda row: (row["opened_at"], row["customer_id"]))
