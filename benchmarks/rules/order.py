"""Time and order: T1 and on."""

from benchmarks.rules.libraries import LIFE, OWNER
from benchmarks.rules.rule import Cut, Rule

TIMELINE, STEPS, SCAN = (
    "detectors/timeline.py",
    "detectors/steps.py",
    "streams/partition/scan.py",
)
ANY_SPLIT = "timeline: test_batch_boundaries_and_interleaving_do_not_change_the_sequence"

RULES = (
    Rule(
        "T1",
        "An input's watermark is the greatest event time read of it, or where the clock has put "
        "it; it never goes back, over a restart either.",
        (
            Cut(
                TIMELINE,
                "line.watermark = max(line.watermark, time)",
                "line.watermark = time",
                ("timeline: test_a_watermark_never_goes_back",),
            ),
            Cut(
                LIFE,
                "self.timeline = Timeline(_time(record.watermark), released)",
                "self.timeline = Timeline(released=released)",
                ("life: test_time_does_not_go_back_over_a_restart",),
            ),
        ),
    ),
    Rule(
        "T2",
        "An event counts at its own time, or at its input's watermark if that is later: an "
        "input's order is its log's.",
        (
            Cut(
                TIMELINE,
                'np.maximum(observations["event_time"], line.watermark)',
                'observations["event_time"].copy()',
                ("timeline: test_a_watermark_never_goes_back", ANY_SPLIT),
            ),
            Cut(
                TIMELINE,
                "        np.maximum.accumulate(effective, out=effective)\n",
                "",
                ("timeline: test_a_late_event_counts_from_now_on_and_keeps_the_logs_order",),
            ),
        ),
    ),
    Rule(
        "T3",
        "A late event is counted and not lost. Gap, silence and window use its event time; an "
        "older purchase closes no gap; a late one ends a silence.",
        (
            Cut(
                TIMELINE,
                'return int(np.count_nonzero(effective > observations["event_time"]))',
                "return 0",
                ("late: test_every_late_event_counts_and_no_gap_is_negative",),
            ),
            Cut(
                "detectors/signals/purchases.py",
                "    t = o.event_time\n    spend_amount",
                "    t = o.effective_time\n    spend_amount",
                (
                    "signals: test_a_late_purchase_after_the_last_closes_its_gap_in_event_time",
                    "signals: test_buckets_hold_their_week_whatever_the_order_of_arrival",
                ),
            ),
            Cut(
                "detectors/signals/purchases.py",
                "    if int(c.n_purchases) > 0 and t < c.last_purchase:\n",
                "    if int(c.n_purchases) < 0:\n",
                (
                    "signals: test_a_purchase_older_than_the_last_closes_no_gap_but_counts_in_its_week",
                ),
            ),
            Cut(
                "detectors/signals/purchases.py",
                "    return RETURNED | BOUGHT\n",
                "    return (RETURNED | BOUGHT) if t == o.effective_time else BOUGHT\n",
                ("episodes: test_a_late_purchase_ends_a_silence",),
            ),
        ),
    ),
    Rule(
        "T4",
        "A partition's watermark is the least of its inputs'; what lies strictly before it is "
        "applied in the order of (effective time, input), the rest waits.",
        (
            Cut(
                TIMELINE,
                "watermark = min(speaking)",
                "watermark = max(speaking)",
                ("timeline: test_the_slowest_input_holds_the_partition",),
            ),
            Cut(
                TIMELINE,
                'np.searchsorted(times, watermark, side="left")',
                'np.searchsorted(times, watermark, side="right")',
                ("timeline: test_at_the_watermark_itself_another_input_may_still_speak",),
            ),
            Cut(
                TIMELINE,
                'np.argsort(observations["effective_time"], kind="stable")',
                "np.arange(len(observations))",
                (ANY_SPLIT,),
            ),
        ),
    ),
    Rule(
        "T5",
        "An input that runs ahead of the others, by time or by bytes, is not fetched until they "
        "have caught up.",
        (
            Cut(
                OWNER,
                "if ahead > alignment.ahead_seconds or (",
                "if ahead < 0 or (",
                (
                    "commits: test_an_input_that_runs_ahead_waits_until_the_others_have_caught_up[time]",
                ),
            ),
            Cut(
                OWNER,
                "waiting > alignment.ahead_bytes / len(Input)",
                "waiting < 0",
                (
                    "commits: test_an_input_that_runs_ahead_waits_until_the_others_have_caught_up[bytes]",
                ),
            ),
            Cut(
                "streams/kafka/transport.py",
                "wanted = active_partitions - self.held if active_partitions else",
                "wanted = active_partitions if active_partitions else",
                ("contract: test_an_input_that_is_held_is_not_fetched",),
            ),
        ),
    ),
    Rule(
        "T6",
        "An input that was read to its end follows the clock, or stands aside where time runs in "
        "the events alone; one that was not does neither.",
        (
            Cut(
                LIFE,
                "                self.timeline.follow(source, wall_time)\n",
                "                self.timeline.step_aside(source)\n",
                ("life: test_silence_is_decided_at_its_deadline_while_nothing_arrives",),
            ),
            Cut(
                LIFE,
                "                self.timeline.step_aside(source)\n",
                "                pass\n",
                ("life: test_positions_pass_only_what_was_applied",),
            ),
            Cut(
                OWNER,
                "return end is not None and life.position(source) >= end",
                "return end is not None",
                ("commits: test_only_an_input_that_was_read_to_its_end_follows_the_clock",),
            ),
        ),
    ),
    Rule(
        "T7",
        "An event from beyond the clock's skew is a dead letter and moves no time.",
        (
            Cut(
                OWNER,
                "return time.time() + self._settings.max_clock_skew_seconds",
                "return None",
                ("commits: test_an_event_from_beyond_the_skew_is_a_dead_letter_and_moves_no_time",),
            ),
            Cut(
                SCAN,
                "<= row.event_time <= latest",
                "<= row.event_time",
                ("ingest: test_an_event_from_the_future_adds_no_customer",),
            ),
        ),
    ),
    Rule(
        "T8",
        "Silence is decided at its deadline, once the watermark has passed that and the grace.",
        (
            Cut(
                STEPS,
                "if dues[position] + lateness >= watermark:",
                "if dues[position] >= watermark:",
                (
                    "episodes: test_a_decision_waits_for_what_is_still_on_its_way",
                    "life: test_silence_is_decided_at_its_deadline_while_nothing_arrives",
                ),
            ),
            Cut(
                STEPS,
                "if c.due + p.allowed_lateness_seconds < o.effective_time:",
                "if c.due < o.effective_time:",
                (
                    "episodes: test_a_decision_waits_for_what_is_still_on_its_way",
                    "late: test_within_the_grace_nobody_is_called_silent_who_was_not",
                ),
            ),
        ),
    ),
    Rule(
        "T9",
        "What fell due before an event's effective time is decided before the event counts.",
        (
            Cut(
                STEPS,
                "if c.due + p.allowed_lateness_seconds < o.effective_time:",
                "if c.due + p.allowed_lateness_seconds < -1e300:",
                ("episodes: test_minutes_after_the_deadline_it_is_taken_first_too",),
            ),
        ),
    ),
    Rule(
        "T10",
        "Decisions between two watermarks are in the order of (time, customer).",
        (
            Cut(
                "detectors/engine.py",
                '            order = _by_time_and_id(self._state, records, "time")\n',
                "            order = np.arange(len(records))\n",
                ("episodes: test_decisions_at_one_time_are_in_order_of_the_customers",),
            ),
        ),
    ),
    Rule(
        "T11",
        "A version of the model takes effect at a time that its record names.",
        (
            Cut(
                "streams/training/feed.py",
                "begun = bisect_right(self._times, event_time)",
                "begun = len(self._times)",
                ("versions: test_the_version_in_effect_is_the_newest_that_had_begun",),
            ),
        ),
    ),
    Rule(
        "T12",
        "What is sent twice with one id is recognised among the customer's last events, and "
        "counted.",
        (
            Cut(
                STEPS,
                "            if seen_before(c, o):\n",
                "            if seen_before(c, o) and position < 0:\n",
                ("signals: test_an_id_is_known_again_for_the_next_eight_events",),
            ),
        ),
    ),
    Rule(
        "T13",
        "A partition where nothing happens needs no transaction, but for its watermark now and "
        "then.",
        (
            Cut(
                LIFE,
                "if not changed and not moved >= IDLE_RECORD_SECONDS:",
                "if not changed and moved < 0:",
                ("life: test_nothing_new_needs_no_transaction",),
            ),
            Cut(
                LIFE,
                "if not changed and not moved >= IDLE_RECORD_SECONDS:",
                "if not changed:",
                ("life: test_an_idle_partition_notes_its_watermark_now_and_then",),
            ),
        ),
    ),
)
