"""Everything that the state can tell of one customer, as of their partition's watermark."""

from collections.abc import Iterable
from math import floor, isfinite

import numpy as np
from msgspec import Struct

from detectors.customer import WEEK_SECONDS, WEEKS, Cause, Episode, Hold
from detectors.judgement.as_of import as_of
from detectors.judgement.episodes import Severity
from detectors.judgement.identity import alert_ids
from detectors.judgement.reasons import Explanation, explain
from detectors.judgement.rhythm import Rhythm, rhythm_of
from detectors.judgement.schedule import MINUTE_SECONDS
from streams.partition.life import PartitionLife
from streams.settings import Settings


class Week(Struct, frozen=True):
    """One bucket of the windows: how many purchases and visits began in it, at most 255."""

    since: float
    purchases: int
    visits: int


class Standing(Struct, frozen=True):
    """What is being said of the customer, if anything; times in seconds since the epoch."""

    episode: str  # none, open, expired
    severity: str | None
    causes: tuple[str, ...]
    held_back: str | None
    opened_at: float | None
    expires_at: float | None  # given up then, if nothing comes
    next_severity_at: float | None  # if nothing comes
    said: int  # decisions under this alert's id
    alert_id: str | None  # None: nothing was said since the last purchase
    quiet_until: float | None  # nothing new is announced before
    ended_severity: str | None  # of the last episode that was announced and has ended


class Dossier(Struct, frozen=True):
    """One customer."""

    customer_id: str
    partition: int
    now: float  # the watermark: as of when all of this is
    first_seen: float
    last_seen: float
    last_purchase: float | None
    last_visit: float | None
    counts: dict[str, int]
    standing: Standing
    said: Explanation
    rhythm: Rhythm | None
    weeks: tuple[Week, ...]  # oldest first, up to the week of the last event
    prior_logit: float  # log-odds of having left right after the last purchase


_COUNTS = {
    "purchases": "n_purchases",
    "visits": "n_visits",
    "payments without trouble": "n_paid",
    "payments in trouble": "n_payment_troubles",
    "complaints": "n_complaints",
    "open tickets": "open_tickets",
    "refunds": "n_refunds",
    "visits called off": "n_cancelled",
    "visits missed": "n_no_show",
    "visits moved": "n_rescheduled",
}


def find(lives: Iterable[PartitionLife], customer_id: str) -> tuple[PartitionLife, int] | None:
    """The partition and the row of a customer; None where none of these knows them."""
    for life in lives:
        row = life.state.find(customer_id.encode())
        if row >= 0 and is_known(life, row):
            return life, row
    return None


def is_known(life: PartitionLife, row: int) -> bool:
    """Whether anything of the customer was applied: a row is there as soon as an event is read."""
    return isfinite(life.timeline.watermark) and isfinite(life.state.rows[row]["applied_until"])


def dossier(settings: Settings, life: PartitionLife, row: int) -> Dossier:
    """What the row says; nothing changes by it."""
    state, now = life.state, life.timeline.watermark
    customer = state.rows[row]
    profile = state.profile_in_effect
    record = as_of(customer, now, profile)
    return Dossier(
        customer_id=state.customer_id(row).decode(),
        partition=life.number,
        now=now,
        first_seen=float(customer["first_seen"]),
        last_seen=float(customer["last_seen"]),
        last_purchase=_time(customer["last_purchase"]),
        last_visit=_time(customer["last_visit"]),
        counts={name: int(customer[field]) for name, field in _COUNTS.items()},
        standing=standing(settings, life, row),
        said=explain(record, customer, profile),
        rhythm=rhythm_of(customer, now, profile),
        weeks=_weeks(customer),
        prior_logit=float(record["prior_logit"]),
    )


def standing(settings: Settings, life: PartitionLife, row: int) -> Standing:
    """The episode of a row."""
    customer = life.state.rows[row]
    episode = Episode(int(customer["episode"]))
    is_open = episode is Episode.OPEN
    said = int(customer["sequence"])
    quiet = MINUTE_SECONDS * float(customer["quiet_until"])
    ended = int(customer["ended_severity"])
    return Standing(
        episode=episode.name.lower(),
        severity=_word(Severity(int(customer["severity"]))) if is_open else None,
        causes=tuple(_word(one) for one in Cause if is_open and one & int(customer["causes"])),
        held_back=_word(Hold(int(customer["suppressed"]))) if customer["suppressed"] else None,
        opened_at=_time(customer["opened_at"]) if episode is not Episode.NONE else None,
        expires_at=_time(customer["expiry_due"]) if is_open else None,
        next_severity_at=_time(customer["step_due"]) if is_open else None,
        said=said,
        alert_id=alert_id(settings, life, row) if said else None,
        quiet_until=quiet if quiet > life.timeline.watermark else None,
        ended_severity=_word(Severity(ended)) if ended else None,
    )


def alert_id(settings: Settings, life: PartitionLife, row: int) -> str:
    """Under which the customer's episode is published."""
    customer, anchor = life.state.customer_id(row), float(life.state.rows[row]["anchor"])
    (found,) = alert_ids(settings.tenant, [customer], [anchor])
    return found


def _weeks(customer: np.void) -> tuple[Week, ...]:
    newest = int(customer["week"])
    first = max(newest - WEEKS + 1, floor(float(customer["first_seen"]) / WEEK_SECONDS))
    return tuple(
        Week(
            week * WEEK_SECONDS,
            int(customer["week_purchases"][week % WEEKS]),
            int(customer["week_visits"][week % WEEKS]),
        )
        for week in range(first, newest + 1)
    )


def _time(value: float) -> float | None:
    return float(value) if isfinite(value) else None


def _word(member: Cause | Hold | Severity) -> str:
    return str(member.name).lower()
