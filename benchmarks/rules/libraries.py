"""What Faust and aiokafka do not do by themselves, or do otherwise: P1 and on.

One file, somewhat long: one list, nothing but data, and its numbers run on.
"""

from benchmarks.rules.rule import Cut, Rule

APP, OWNER, LIFE = "streams/app.py", "streams/partition/owner.py", "streams/partition/life.py"
PRODUCER, TRANSPORT = "streams/kafka/producer.py", "streams/kafka/transport.py"
TABLE, COLUMNS, FINDINGS = (
    "streams/kafka/table.py",
    "streams/kafka/columns.py",
    "streams/kafka/findings.py",
)
ENDS = """        except Exception as error:  # noqa: BLE001 (whatever it is, the process ends)
            self._fail(error)
"""
GOES_ON = """        except Exception:
            pass
"""
REFUSED_RECORD = (
    "commits: test_a_record_that_the_broker_refuses_takes_the_whole_transaction_with_it",
)
TOGETHER = ("commits: test_records_and_positions_are_committed_together_or_not_at_all",)

RULES = (
    Rule(
        "P1",
        "Whatever goes wrong while events are taken ends the process: nothing is skipped, and "
        "nothing is committed.",
        (
            Cut(
                OWNER,
                f"            owned.life.apply()\n{ENDS}",
                f"            owned.life.apply()\n{GOES_ON}",
                ("commits: test_an_error_while_events_are_taken_ends_the_process",),
            ),
            Cut(
                "streams/process.py",
                "    os._exit(error.exit_code if isinstance(error, OffbeatError) else UNEXPECTED)",
                "    return None",
                ("worker: test_events_that_retention_deleted_unread_end_the_worker",),
            ),
        ),
    ),
    Rule(
        "P2",
        "A position is committed when every event before it was applied, whatever was read.",
        (
            Cut(
                LIFE,
                "return self._positions[source] if waiting is None else waiting",
                "return self._positions[source]",
                ("life: test_positions_pass_only_what_was_applied",),
            ),
        ),
    ),
    Rule(
        "P3",
        "Faust sees bytes alone: what does not decode is found by offbeat, and becomes a dead "
        "letter.",
        (
            Cut(
                APP,
                'name, key_type=bytes, value_type=bytes, key_serializer="raw", '
                'value_serializer="raw"',
                'name, key_type=bytes, value_type=bytes, key_serializer="raw", '
                'value_serializer="json"',
                ("contract: test_faust_decodes_nothing_so_no_event_can_be_lost_in_it",),
            ),
            Cut(
                "streams/partition/ingest.py",
                "            self.letters.append(self.records.dead_letter(row, error))\n"
                "            return None",
                "            return None",
                (
                    "ingest: test_a_bad_record_costs_only_itself_across_chunks",
                    "life: test_a_dead_letter_waits_until_its_position_is_committed",
                ),
            ),
        ),
    ),
    Rule(
        "P4",
        "A transaction goes on when each of its records was acknowledged; that a buffer was "
        "flushed says nothing.",
        (
            Cut(
                PRODUCER,
                "        await reach_amid(Point.AMID_SENDS, self._delivered(deliveries))\n",
                "",
                REFUSED_RECORD,
            ),
        ),
    ),
    Rule(
        "P5",
        "Any failure within a transaction ends the process, and nothing of it was said.",
        (
            Cut(
                OWNER,
                f"            self._observer.looked(lives, ends)\n{ENDS}",
                f"            self._observer.looked(lives, ends)\n{GOES_ON}",
                TOGETHER,
            ),
        ),
    ),
    Rule(
        "P6",
        "That a record is buffered is not that it is written: a delivery that fails is an error.",
        (
            Cut(
                PRODUCER,
                "            transaction.result()\n        await all_sent\n",
                "            transaction.result()\n",
                REFUSED_RECORD,
            ),
        ),
    ),
    Rule(
        "P7",
        "Before partitions are given up, what was done is committed once more; within the time "
        "that the group waits.",
        (
            Cut(
                APP,
                "        await owner.last_checkpoint()\n        await learner.last_checkpoint()",
                "        await learner.last_checkpoint()",
                (
                    "worker: test_nothing_but_a_transaction_commits_and_the_last_one_is_at_the_rebalance",
                ),
                ("TimeoutError",),
            ),
            Cut(
                OWNER,
                "            async with asyncio.timeout(bound):\n",
                "            async with asyncio.timeout(None):\n",
                ("owner: test_the_last_transaction_before_a_rebalance_is_bounded",),
                ("TimeoutError",),
            ),
        ),
    ),
    Rule(
        "P8",
        "Records, state and positions are one transaction of the partition's own; an alert's id "
        "depends on its episode alone.",
        (
            Cut(
                PRODUCER,
                "        reach(Point.BEFORE_OFFSETS)\n",
                "        await self._producer.commit_transaction()\n"
                "        await self._producer.begin_transaction()\n"
                "        reach(Point.BEFORE_OFFSETS)\n",
                TOGETHER,
            ),
            Cut(
                "streams/alerts.py",
                'records["anchor"].tolist()',
                '(records["anchor"] + records["sequence"]).tolist()',
                ("alerts: test_who_stopped_has_an_episode_from_opening_to_churn_and_nobody_else",),
            ),
        ),
    ),
    Rule(
        "P9",
        "State is saved with the positions that it belongs to: what is read again is counted once.",
        (
            Cut(
                "streams/partition/publish.py",
                "Outgoing(topics.state_changelog, number, [record, *erased], snapshot.rows)",
                "Outgoing(topics.state_changelog, number, [record, *erased])",
                (
                    "commits: test_state_goes_with_the_positions_so_a_successor_counts_nothing_twice",
                ),
            ),
        ),
    ),
    Rule(
        "P10",
        "State belongs to a partition and goes with it: nobody decides about other workers' "
        "customers.",
        (
            Cut(
                OWNER,
                "for number in (gone | new) & self._owned.keys():",
                "for number in new & self._owned.keys():",
                ("owner: test_what_is_not_owned_is_neither_taken_nor_restored_nor_decided",),
            ),
        ),
    ),
    Rule(
        "P11",
        "Silence is decided for partitions that are owned and recovered, and never during a "
        "rebalance.",
        (
            Cut(
                OWNER,
                "        if not life.recovering:\n            await self._bind",
                "        if life is not None:\n            await self._bind",
                ("owner: test_nothing_is_decided_while_the_state_is_read_back",),
            ),
            Cut(
                OWNER,
                "        if self._paused:\n            return\n        try:\n",
                "        try:\n",
                (
                    "owner: test_nothing_is_saved_between_the_last_transaction_and_the_end_of_a_rebalance",
                ),
            ),
        ),
    ),
    Rule(
        "P12",
        "An error in recovery ends the process, and so does a state with more or fewer customers "
        "than were saved.",
        (
            Cut(
                OWNER,
                f"                owned.life.restore(fetched)\n{ENDS}",
                f"                owned.life.restore(fetched)\n{GOES_ON}",
                ("owner: test_a_changelog_row_that_cannot_be_read_ends_the_process",),
            ),
            Cut(
                LIFE,
                "        if record.customers != self.state.size:\n",
                "        if record.customers < 0:\n",
                ("life: test_a_changelog_that_contradicts_the_offsets_is_refused",),
            ),
        ),
    ),
    Rule(
        "P13",
        "Recovery reaches the end of any changelog: what has no records travels too, a message "
        "stands at its fetch's end, the changelog is compacted and nothing else, and logs are "
        "read from their start.",
        (
            Cut(
                COLUMNS,
                "    if position > first:\n        yield _joined(data, pieces, first, position)"
                "\n\n\n",
                "    if pieces:\n        yield _joined(data, pieces, first, position)\n\n\n",
                ("batches: test_control_records_are_skipped_and_still_move_the_position",),
            ),
            Cut(
                TRANSPORT,
                "        last = fetches[-1].after - 1\n",
                "        last = fetches[-1].first\n",
                (
                    "contract: test_a_message_stands_at_the_end_of_what_it_covers_even_without_records",
                ),
            ),
            Cut(
                FINDINGS,
                '    if set(policy.split(",")) == set(spec.cleanup.split(",")):\n',
                "    if policy:\n",
                (
                    "topics: test_a_changelog_that_also_deletes_is_an_error_with_the_way_to_mend_it",
                    "topics: test_compacted_inputs_and_alerts_are_errors",
                ),
            ),
            Cut(
                APP,
                'consumer_auto_offset_reset="earliest"',
                'consumer_auto_offset_reset="latest"',
                ("contract: test_a_log_without_a_committed_position_is_read_from_its_start",),
            ),
        ),
    ),
    Rule(
        "P14",
        "A worker is alive while positions move or nothing is left to read.",
        (
            Cut(
                "streams/ops/health.py",
                "if now - self._progressed > self._stall_seconds:",
                "if now < self._progressed:",
                ("health: test_lag_without_progress_is_not_alive_after_the_bound",),
            ),
        ),
    ),
    Rule(
        "P15",
        "A rebalance waits for no event; a batch is no more than a fetch of bounded size.",
        (
            Cut(
                APP,
                "stream_wait_empty=False",
                "stream_wait_empty=True",
                ("contract: test_a_rebalance_waits_for_no_event_to_be_acknowledged",),
            ),
            Cut(
                APP,
                "consumer_max_fetch_size=kafka.fetch_partition_bytes",
                "consumer_max_fetch_size=kafka.fetch_partition_bytes * 1000",
                ("contract: test_a_message_is_a_fetch_of_bounded_size_and_few_wait",),
            ),
        ),
    ),
    Rule(
        "P16",
        "Windows are buckets within the customer's row, and empty themselves by event time.",
        (
            Cut(
                "detectors/signals/windows.py",
                "            c.week_purchases[newer % WEEKS] = 0\n",
                "            pass\n",
                ("signals: test_buckets_hold_their_week_whatever_the_order_of_arrival",),
            ),
        ),
    ),
    Rule(
        "P17",
        "All inputs and the changelog have equally many partitions, at the start and later, and "
        "are given out together.",
        (
            Cut(
                FINDINGS,
                "if wanted is not None and topic.partitions != wanted:",
                "if wanted is None:",
                (
                    "topics: test_an_input_with_other_partitions_than_most_is_the_one_to_mend",
                    "topics: test_a_changelog_with_other_partitions_than_the_inputs_is_an_error",
                ),
            ),
            Cut(
                OWNER,
                "if grown := [n for n in new if n >= self._settings.topics.partitions]:",
                "if grown := [n for n in new if n < 0]:",
                ("owner: test_new_partitions_of_an_input_end_the_process",),
            ),
            Cut(
                APP,
                "    app.tables.add(\n",
                "    vars(app).get(\n",
                ("contract: test_partitions_of_all_inputs_and_the_changelog_go_together",),
            ),
        ),
    ),
    Rule(
        "P18",
        "An event in another partition than its key's is found, sent on to the right one once, "
        "and counted.",
        (
            Cut(
                "streams/partition/ingest.py",
                "counting & (wanted != home.partition)",
                "counting & (wanted < 0)",
                (
                    "reroutes: test_an_event_of_another_partition_is_sent_on_as_it_is_and_leaves_no_state",
                    "life: test_an_event_that_lies_wrong_is_written_when_its_position_passes_and_only_then",
                ),
            ),
            Cut(
                "streams/partition/ingest.py",
                "if again or size > MAX_HEADER_BYTES:",
                "if size > MAX_HEADER_BYTES:",
                (
                    "reroutes: test_an_event_that_was_sent_on_before_is_a_dead_letter_and_goes_round_no_more",
                ),
            ),
        ),
    ),
    Rule(
        "P19",
        "Faust's own pages are off, and ours listen on the loopback unless told otherwise.",
        (
            Cut(
                "streams/ops/health.py",
                "    app.web.blueprints = BlueprintManager()\n",
                "",
                ("web: test_none_of_fausts_own_pages_is_served",),
            ),
            Cut(
                "streams/ops/health.py",
                '"web_bind": web.host,',
                '"web_bind": "0.0.0.0",',
                ("web: test_only_this_machine_is_served",),
            ),
        ),
    ),
    Rule(
        "P20",
        "A worker that says nothing is given up after 10 to 15 s; a single copy of a topic is "
        "warned of where more are possible.",
        (
            Cut(
                APP,
                "broker_session_timeout=kafka.session_timeout_seconds",
                "broker_session_timeout=30.0",
                ("contract: test_a_worker_is_given_up_after_ten_to_fifteen_seconds_of_silence",),
            ),
            Cut(
                FINDINGS,
                "elif topic.replication == 1 and brokers >= _BROKERS_FOR_SAFETY:",
                "elif topic.replication < 1:",
                ("topics: test_a_single_copy_is_a_warning_only_where_more_are_possible",),
            ),
        ),
    ),
    Rule(
        "P21",
        "Metrics are our own: prefixed, in base units, in a registry that is handed over.",
        (
            Cut(
                "streams/ops/metrics.py",
                '"offbeat_batch_seconds", "Decode',
                '"batch_ms", "Decode',
                ("metrics: test_names_are_prefixed_and_end_with_their_unit",),
            ),
        ),
    ),
    Rule(
        "P22",
        "Faust's compiled parts are loaded, or the worker does not start; its thread that "
        "produces is not used.",
        (
            Cut(
                TRANSPORT,
                "        if getattr(import_module(module), name, None) is None\n",
                "        if import_module(module) is None\n",
                (
                    "contract: test_a_faust_that_passes_over_its_compiled_parts_is_refused",
                    "contract: test_a_compiled_part_that_is_not_there_is_named",
                ),
            ),
        ),
    ),
    Rule(
        "P23",
        "Who was replaced writes nothing more: a transactional id belongs to a partition, and "
        "whoever starts it fences the last one.",
        (
            Cut(
                PRODUCER,
                'self._transactional_id = f"{group}-{name}"',
                'self._transactional_id = f"{group}-{name}-{id(self)}"',
                (
                    "owner: test_a_zombie_writes_nothing_more_and_ends",
                    "columnar: test_a_partitions_transaction_is_all_or_nothing_and_a_new_owner_fences_the_old",
                ),
            ),
        ),
    ),
    Rule(
        "P24",
        "Private parts are used of pinned versions alone; another version is refused.",
        (
            Cut(
                TRANSPORT,
                "for name, pin in PINNED.items() if version(name) != pin]",
                "for name, pin in PINNED.items() if not pin]",
                ("faust: test_another_version_is_refused_before_it_does_harm",),
            ),
        ),
    ),
    Rule(
        "P25",
        "A rebalance and the end of a worker wait for each other, and after the end nothing is "
        "taken over.",
        (
            Cut(
                OWNER,
                "REBALANCE_SECONDS), self._moving:",
                "REBALANCE_SECONDS):",
                ("owner: test_whoever_ends_amid_a_rebalance_owns_nothing_any_more",),
                ("RuntimeError",),
            ),
            Cut(
                OWNER,
                "                if not self._ended:\n",
                "                if self._owned is not None:\n",
                ("owner: test_whoever_ends_amid_a_rebalance_owns_nothing_any_more",),
            ),
        ),
    ),
)
