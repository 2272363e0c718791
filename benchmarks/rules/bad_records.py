"""Records that cannot be used: B1 and on."""

from benchmarks.rules.libraries import LIFE
from benchmarks.rules.order import SCAN
from benchmarks.rules.rule import Cut, Rule

RULES = (
    Rule(
        "B1",
        "An event whose key is not its customer is a dead letter.",
        (
            Cut(
                "streams/partition/values.py",
                " or not same(data, start, data, key[0], size):",
                ":",
                ("ingest: test_a_bad_record_costs_only_itself_across_chunks",),
            ),
        ),
    ),
    Rule(
        "B2",
        "A record that is too large, or of another version, is a dead letter with that reason.",
        (
            Cut(
                SCAN,
                " and end - start + key[1] - key[0] <= MAX_RECORD_BYTES:",
                ":",
                ("ingest: test_what_types_do_not_tell_is_found_in_bulk",),
            ),
            Cut(
                "schemas/cloudevents.py",
                '    _check_version(envelope.specversion, "$.specversion")\n',
                "",
                ("ingest: test_the_catalogue_is_read_and_refused_in_bulk_as_its_names_say",),
            ),
        ),
    ),
    Rule(
        "B3",
        "Dead letters are counted in the log's order; too many stop the worker, at the same "
        "record after every restart.",
        (
            Cut(
                "streams/partition/limit.py",
                "if self._dlq.limit and most > self._dlq.limit * self._dlq.window:",
                "if most < 0:",
                ("limit: test_a_wrong_schema_stops_at_the_first_letter_above_the_limit",),
            ),
            Cut(
                LIFE,
                "self._limits = self._letter_limits(record.dead_letters)",
                "self._limits = self._letter_limits({})",
                ("life: test_a_restart_at_the_limit_stops_at_the_same_record",),
            ),
        ),
    ),
    Rule(
        "B4",
        "A damaged record batch is an error, after what came before it; no slice leaves its batch.",
        (
            Cut(
                "streams/kafka/columns.py",
                "if check_crc and google_crc32c.value(data[at + CRC_FROM : end]) != crc:",
                "if crc is None:",
                ("batches: test_good_batches_before_a_corrupt_one_are_delivered_first",),
            ),
            Cut(
                "streams/kafka/columns.py",
                "if pos < 0 or size > stop - pos:",
                "if pos < 0:",
                ("batches: test_damage_is_an_error_or_harmless_and_no_slice_leaves_the_buffer",),
            ),
        ),
    ),
)
