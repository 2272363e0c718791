"""The order in which a partition is taken, recovered, kept and given up: C1 and on."""

from benchmarks.rules.libraries import LIFE, OWNER, PRODUCER, TABLE, TRANSPORT
from benchmarks.rules.rule import Cut, Rule

FENCE = "        await asyncio.gather(*(producer.start() for producer in producers.values()))\n"
FIND = (
    "        sources = self._settings.topics.sources\n"
    "        tps = {(n, name): TopicPartition(name, n) for n in producers for name in sources}\n"
    "        starts = await starting_positions(self._options, group, tps.values())\n"
)

RULES = (
    Rule(
        "C1",
        "Fence first, then read the committed positions, then recover.",
        (
            Cut(
                OWNER,
                FENCE + FIND,
                FIND + FENCE,
                ("owner: test_whoever_had_the_partition_is_fenced_before_its_offsets_are_read",),
            ),
            Cut(
                TABLE,
                "            self._owner.rebalance(revoked, newly_assigned),\n",
                "",
                ("contract: test_a_partition_that_is_new_is_read_from_its_changelogs_start",),
            ),
        ),
    ),
    Rule(
        "C2",
        "What was taken back, or is not committed yet, is not read: neither events nor state.",
        (
            Cut(
                TRANSPORT,
                'consumer._isolation_level = "read_committed"',
                'consumer._isolation_level = "read_uncommitted"',
                ("worker: test_what_was_taken_back_or_is_still_open_is_never_counted",),
                ("TimeoutError",),
            ),
            Cut(
                "streams/kafka/columns.py",
                "        return bool(attributes & _TRANSACTIONAL) and producer_id in self._open\n",
                "        return False\n",
                (
                    "batches: test_aborted_transactions_are_skipped_and_later_ones_of_the_same_producer_are_not",
                ),
            ),
        ),
    ),
    Rule(
        "C3",
        "A fetch says from where to where it reaches, and is taken where the partition stands: "
        "a gap ends the process, what was taken is dropped. A partition begins where the group "
        "has committed.",
        (
            Cut(
                LIFE,
                "        if fetched.first > position:\n            raise",
                "        if fetched.first < 0:\n            raise",
                ("life: test_a_gap_is_never_skipped_and_what_was_taken_is_dropped",),
            ),
            Cut(
                LIFE,
                "            fetched = fetched.from_position(position)\n",
                "            pass\n",
                ("life: test_a_gap_is_never_skipped_and_what_was_taken_is_dropped",),
            ),
            Cut(
                LIFE,
                "        if fetched.after <= position:\n",
                "        if fetched.after < 0:\n",
                ("life: test_a_gap_is_never_skipped_and_what_was_taken_is_dropped",),
            ),
            Cut(
                LIFE,
                "{source: offset for source, (offset, _) in starts.items()}",
                "dict.fromkeys(starts, 0)",
                ("life: test_going_on_from_a_checkpoint_gives_the_same_state_and_decisions[flat]",),
            ),
        ),
    ),
    Rule(
        "C4",
        "A partition that stays keeps its state, positions and producer; one that is new begins "
        "with a new producer, no state, and its changelog's start.",
        (
            Cut(
                OWNER,
                "for number in (gone | new) & self._owned.keys():",
                "for number in list(self._owned):",
                ("owner: test_a_partition_that_stays_keeps_its_state_and_its_producer",),
                ("KeyError",),
            ),
            Cut(
                TABLE,
                "                recovery.active_offsets.pop(tp, None)\n",
                "                pass\n",
                ("contract: test_a_partition_that_is_new_is_read_from_its_changelogs_start",),
            ),
        ),
    ),
    Rule(
        "C5",
        "Rows of the changelog are taken where a partition recovers, and nowhere else.",
        (
            Cut(
                OWNER,
                "        if owned is None or not owned.life.recovering:\n            return\n"
                "        try:\n",
                "        if owned is None:\n            return\n        try:\n",
                ("owner: test_rows_that_are_read_again_for_a_partition_that_stays_change_nothing",),
            ),
        ),
    ),
    Rule(
        "C6",
        "State is made in a rebalance and nowhere else; a fetch of an older generation is dropped.",
        (
            Cut(
                "streams/agents.py",
                "if message.generation_id == generation():  # else",
                "if message.generation_id is not None:  # else",
                ("contract: test_a_message_from_before_a_rebalance_is_dropped[input]",),
            ),
            Cut(
                "streams/agents.py",
                "if event.message.generation_id == generation():",
                "if event.message.generation_id is not None:",
                ("contract: test_a_message_from_before_a_rebalance_is_dropped[examples]",),
            ),
            Cut(
                OWNER,
                "        if owned is None or owned.life.recovering:\n            return\n"
                "        started",
                "        if owned is None:\n            return\n        started",
                ("owner: test_nothing_is_decided_while_the_state_is_read_back",),
            ),
        ),
    ),
    Rule(
        "C7",
        "How far Faust has read is noted while the fetch's own generation lasts.",
        (
            Cut(
                TRANSPORT,
                "        if generation == self.app.consumer_generation_id:\n",
                "        if generation >= 0:\n",
                ("contract: test_a_fetch_of_an_older_generation_does_not_move_what_was_read",),
            ),
        ),
    ),
    Rule(
        "C8",
        "A recovery has ended where the changelog's positions are the committed ones, and never "
        "before.",
        (
            Cut(
                LIFE,
                "        if written != committed:\n",
                "        if not written:\n",
                (
                    "life: test_a_changelog_that_contradicts_the_offsets_is_refused",
                    "owner: test_a_recovery_that_ended_early_ends_the_process",
                ),
            ),
            Cut(
                TABLE,
                "        if not (recovery.signal_recovery_start.is_set() or recovery.should_stop):",
                "        if recovery is not None:",
                ("faust: test_a_recovery_that_was_broken_off_is_no_end",),
            ),
        ),
    ),
    Rule(
        "C9",
        "Positions travel in transactions alone: Faust commits none.",
        (
            Cut(
                TRANSPORT,
                "    async def force_commit(",
                "    async def never_called(",
                ("contract: test_faust_commits_nothing_whatever_was_acknowledged",),
                errors=("ConsumerNotStarted",),  # what Faust meets when it tries
            ),
        ),
    ),
    Rule(
        "C10",
        "What a checkpoint writes is taken between two awaits: a letter waits for its position.",
        (
            Cut(
                LIFE,
                "        letters = {s: _ripe(self._dead_letters[s], positions[s]) for s in Input}\n",
                "        letters = {s: _ripe(self._dead_letters[s], 1 << 62) for s in Input}\n",
                (
                    "life: test_wherever_bad_records_stand_each_is_one_letter_and_each_good_one_counts",
                ),
            ),
            Cut(
                "streams/partition/publish.py",
                "            Outgoing(topics.alerts, number, [*erased, *alerts]),\n",
                "",
                ("commits: test_alerts_and_who_is_at_risk_are_in_the_same_transaction",),
            ),
            Cut(
                PRODUCER,
                "            await self._producer.send_offsets_to_transaction("
                "dict(positions), self._group)\n",
                "            pass\n",
                ("owner: test_a_partition_that_stays_keeps_its_state_and_its_producer",),
            ),
        ),
    ),
)
