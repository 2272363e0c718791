"""One customer is one row: every field, its unit and meaning, once.

Times are float64 seconds since the Unix epoch, UTC; NaN = never, +inf = not due. "Days" are 86 400
seconds. A row holds numbers and bytes only, so it is its own serialised form: what is written to
the changelog is what is worked on. Whoever changes a field raises LAYOUT_VERSION.
"""

from enum import IntEnum, IntFlag

import numpy as np

from detectors.compiled import Row, kernel
from detectors.learning.names import FEATURES

LAYOUT_VERSION = 1

DAY_SECONDS = 86_400.0
WEEK_SECONDS = 7 * DAY_SECONDS
WEEKS = 16  # weekly buckets kept
RECENT_IDS = 8  # event ids remembered: a resend follows its original closely
ID_BYTES = 36  # evidence ids: as long as a UUID; longer ones are kept as "xx64:" and their hash


class Cause(IntFlag):
    """What speaks for a customer having left; a set of them opens an episode."""

    PURCHASE_SILENCE = 1
    VISIT_SILENCE = 2
    PAYMENT_TROUBLE = 4
    COMPLAINTS = 8
    CANCELLATION_REQUEST = 16
    VISIT_DRIFT = 32  # visits come, but more rarely
    SPEND_DECLINE = 64
    NO_SHOWS = 128


PURCHASE_SILENCE = int(Cause.PURCHASE_SILENCE)
VISIT_SILENCE = int(Cause.VISIT_SILENCE)
PAYMENT_TROUBLE = int(Cause.PAYMENT_TROUBLE)
COMPLAINTS = int(Cause.COMPLAINTS)
CANCELLATION_REQUEST = int(Cause.CANCELLATION_REQUEST)
VISIT_DRIFT = int(Cause.VISIT_DRIFT)
SPEND_DECLINE = int(Cause.SPEND_DECLINE)
NO_SHOWS = int(Cause.NO_SHOWS)


class Episode(IntEnum):
    """Where a customer stands: nothing said, at risk, or given up until a return."""

    NONE = 0
    OPEN = 1
    EXPIRED = 2


NONE = int(Episode.NONE)
OPEN = int(Episode.OPEN)
EXPIRED = int(Episode.EXPIRED)


class Segment(IntEnum):
    """Recency, frequency and money in a word, from the least to the best (judgement.segments)."""

    UNSEEN = 0
    SLEEPER = 1
    NEWCOMER = 2
    UNSTABLE = 3
    REGULAR = 4
    LOYAL = 5
    VIP = 6


class Hold(IntEnum):
    """Why an open episode is held back (judgement.policy)."""

    NONE = 0
    LOW_VALUE = 1
    COOLDOWN = 2
    BUDGET = 3


CUSTOMER = np.dtype(
    [
        # what is due: the least of the five dues below, and each of them
        ("due", "f8"),
        ("purchase_deadline", "f8"),  # silence becomes an alert (rule D)
        ("visit_deadline", "f8"),  # the same for visits
        ("step_due", "f8"),  # the open episode's next severity, if nothing arrives
        ("expiry_due", "f8"),  # the open episode ends as churned
        ("tick_due", "f8"),  # next tick of the learning grid: label the snapshot, take the next
        # life
        ("first_seen", "f8"),  # least and greatest event time
        ("last_seen", "f8"),
        ("applied_until", "f8"),  # effective time of the last observation; counters are as of it
        # purchase cadence: gaps in days between occasions, in event time
        ("last_purchase", "f8"),  # event time of the latest purchase
        ("gap_count", "f8"),  # n: closed gaps (discounted, one day)
        ("gap_log_sum", "f8"),  # S1 = sum ln g
        ("gap_log_squares", "f8"),  # S2 = sum ln^2 g
        # visit cadence: the same
        ("last_visit", "f8"),
        ("visit_gap_count", "f8"),
        ("visit_gap_log_sum", "f8"),
        ("visit_gap_log_squares", "f8"),
        # spend, in `currency`; a purchase in another currency starts it anew
        ("spend", "f8"),  # priced purchases less refunds
        ("amount_log_sum", "f8"),  # sum ln amount and sum ln^2 amount over priced purchases > 0
        ("amount_log_squares", "f8"),
        # episode
        ("anchor", "f8"),  # event time that names the episode: last purchase, else first event
        ("opened_at", "f8"),
        # learning: the pending snapshot
        ("snapshot_time", "f8"),  # NaN = none pending
        ("features", "f4", (len(FEATURES),)),
        # purchase cadence: long absences among the gaps, and the days that the others filled
        ("pause_count", "f4"),  # expected pauses so far (discounted)
        ("active_days", "f4"),  # days in gaps that were none (discounted)
        ("last_gap", "f4"),  # days; 0 before the first is closed
        ("amount_log_recent", "f4"),  # moving mean of ln amount
        # change detectors: log-likelihood ratios of a CUSUM, 0 = nothing speaks for a change
        ("visit_drift", "f4"),
        ("spend_drift", "f4"),
        ("no_show_drift", "f4"),
        # the same, as of `applied_until`: they fade
        ("payment_trouble", "f4"),
        ("complaints", "f4"),
        # visits of who has a rhythm of purchases
        ("visit_evidence", "f4"),  # log-odds that they add, as of the last look at them
        ("visit_quiet", "f4"),  # days: longest stretch since the last visit without a purchase
        # counts
        ("sequence", "i4"),  # decisions said under this anchor
        ("n_purchases", "u4"),  # occasions, the first included; frequency x = n_purchases - 1
        ("n_visits", "u4"),  # occasions
        ("n_priced", "u4"),  # priced purchases > 0 in `currency`
        ("currency", "u4"),  # of the last priced purchase: three ASCII letters, big-endian
        ("quiet_until", "u4"),  # cooldown: nothing new is announced before; minutes since the epoch
        # windows: rings of weekly buckets by event time; `week` is the newest one's number
        ("week", "i4"),
        # event ids seen last: 32 bits each. One new event in 2^32 / 8, about 5e8, is taken for a
        # resend by chance
        ("recent_ids", "u4", (RECENT_IDS,)),
        ("value_place", "u2"),  # 1 + where the value is counted in the population; 0 = it is not
        # counts that stop at 65 535
        ("n_refunds", "u2"),
        ("n_paid", "u2"),
        ("n_payment_troubles", "u2"),
        ("n_complaints", "u2"),
        ("n_cancelled", "u2"),  # visits called off, not rescheduled
        ("n_no_show", "u2"),
        ("n_rescheduled", "u2"),
        # the windows' other rings; they stop at 255
        ("week_purchases", "u1", (WEEKS,)),
        ("week_visits", "u1", (WEEKS,)),
        ("recent_position", "u1"),
        # flags
        ("episode", "u1"),  # Episode
        ("severity", "u1"),  # of the open episode
        ("causes", "u1"),  # Cause: active now
        ("announced_causes", "u1"),  # Cause: as last said
        ("cancelling", "u1"),  # 1 = asked to cancel, and no purchase or solution since
        ("returned", "u1"),  # 1 = a purchase since the pending snapshot
        ("ended_severity", "u1"),  # of the last episode that was announced and has ended
        ("segment", "u1"),  # Segment: where recency, frequency and money place the customer
        ("best_segment", "u1"),  # the best of them so far
        ("value_tenth", "u1"),  # 10 = the most valuable tenth of customers, 0 = not known
        ("suppressed", "u1"),  # Hold: why the open episode is held back; 0 = it is announced
        ("open_tickets", "u1"),  # contacts with support not yet resolved
        # evidence: event ids of the last purchase and of the last trouble
        ("purchase_id_length", "u1"),
        ("trouble_id_length", "u1"),
        ("purchase_id", "u1", (ID_BYTES,)),
        ("trouble_id", "u1", (ID_BYTES,)),
        ("spare", "u1", (1,)),  # always 0: no byte of a row is undefined
    ],
    align=True,
)
"""A customer's row; numbers native, at most 512 bytes (tested)."""


@kernel
def reset(c: Row) -> None:
    """Make a zeroed row a customer of whom nothing has been seen."""
    c.due = np.inf
    c.purchase_deadline = np.inf
    c.visit_deadline = np.inf
    c.step_due = np.inf
    c.expiry_due = np.inf
    c.tick_due = np.inf
    c.first_seen = np.nan
    c.last_seen = np.nan
    c.applied_until = np.nan
    c.last_purchase = np.nan
    c.last_visit = np.nan
    c.anchor = np.nan
    c.opened_at = np.nan
    c.snapshot_time = np.nan


@kernel
def lives_by_visits(c: Row) -> bool:
    """Has a rhythm of visits and none of purchases (schools, media, games): visits decide."""
    return bool(int(c.n_purchases) < 2 and (int(c.n_visits) >= 2 or int(c.n_purchases) == 0))


@kernel
def next_due(c: Row) -> None:
    """Set `due`, the one column that is searched, from the five dues."""
    c.due = min(c.purchase_deadline, c.visit_deadline, c.step_due, c.expiry_due, c.tick_due)
