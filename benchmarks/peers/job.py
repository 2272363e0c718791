"""The job that every peer does, for those that are written in Python; the standard library alone.

Of each customer: number, mean and spread of the gaps between purchases, their sum, and how many
visits, late payments and contacts with support there were. A purchase says until when the next one
is due: mean and three standard deviations of the gaps after it. When the newest event's time has
passed that, one record says so.
"""

import heapq
import json
from datetime import datetime
from math import sqrt
from typing import Any

DAY = 86_400.0
# a customer: kept as a list, because every peer's store takes one as it is
LAST, GAPS, MEAN, SQUARES, AMOUNT, VISITS, LATE, CONTACTS, DEADLINE = range(9)
Customer = list[Any]


def new() -> Customer:
    """Somebody without a past."""
    return [None, 0, 0.0, 0.0, 0.0, 0, 0, 0, None]


def seconds(text: str | int) -> float:
    """The time of an event, in seconds since the epoch."""
    if isinstance(text, int):
        return text / 1000.0
    return datetime.fromisoformat(text).timestamp()


def update(customer: Customer, kind: str, event: dict[str, Any], time: float) -> None:
    """Take an event in; Welford's recurrence for the gaps."""
    if kind == "visits":
        customer[VISITS] += 1
    elif kind == "payments":
        customer[LATE] += event["status"] != "paid"
    elif kind == "support":
        customer[CONTACTS] += 1
    else:
        _purchased(customer, time, event["amount"])


def _purchased(customer: Customer, time: float, amount: float) -> None:
    last = customer[LAST]
    if last is not None and time > last:
        customer[GAPS] += 1
        gap = time - last
        before = gap - customer[MEAN]
        customer[MEAN] += before / customer[GAPS]
        customer[SQUARES] += before * (gap - customer[MEAN])
    customer[LAST] = time if last is None else max(last, time)
    customer[AMOUNT] += amount
    if customer[GAPS] >= 3:
        spread = 3.0 * sqrt(customer[SQUARES] / (customer[GAPS] - 1))
        customer[DEADLINE] = customer[LAST] + max(customer[MEAN] + spread, DAY)


def alert(key: str, deadline: float) -> bytes:
    """The record that goes out."""
    return json.dumps({"customer_id": key, "deadline": deadline}).encode()


class Deadlines:
    """Who is due when: a queue with one entry a customer, put right when its time has come."""

    def __init__(self) -> None:
        self._now = 0.0
        self._queue: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}

    def passed(self, key: str, customer: Customer, time: float) -> list[tuple[str, float]]:
        """Note a customer's deadline, and take those out that have passed by that time."""
        deadline = customer[DEADLINE]
        if deadline is not None and self._due.get(key) != deadline:
            if key not in self._due:
                heapq.heappush(self._queue, (deadline, key))
            self._due[key] = deadline
        self._now = max(self._now, time)
        found = []
        while self._queue and self._queue[0][0] < self._now:
            _, late = heapq.heappop(self._queue)
            real = self._due[late]
            if real < self._now:
                del self._due[late]
                found.append((late, real))
            else:
                heapq.heappush(self._queue, (real, late))
        return found
