"""How topics are to be set up."""

from schemas.events import EVENTS
from schemas.topics import OutputTopics, dead_letter_topic, topic_specs

SPECS = {spec.name: spec for spec in topic_specs()}


def test_names_follow_the_prefix_and_the_inputs() -> None:
    names = {spec.name for spec in topic_specs("acme", ("sales", "visits", "bills", "help"))}
    assert {"sales", "sales.dlq", "help.dlq", "acme.alerts", "acme.state-changelog"} <= names
    assert not any(name.startswith("offbeat") for name in names)


def test_everything_that_a_partition_writes_has_the_partitions_of_the_inputs() -> None:
    single = {name for name, spec in SPECS.items() if spec.partitions != "inputs"}
    assert single == {"offbeat.examples", "offbeat.model"}
    assert all(SPECS[name].partitions == 1 for name in single)


def test_state_is_compacted_and_never_deleted() -> None:
    outputs = OutputTopics()
    compacted = {name for name, spec in SPECS.items() if spec.cleanup == "compact"}
    assert compacted == {outputs.at_risk, outputs.model, outputs.state_changelog}
    for name in compacted:
        assert SPECS[name].configs["cleanup.policy"] == "compact"
        assert "retention.ms" not in SPECS[name].configs


def test_no_topic_needs_larger_messages_than_a_broker_takes_by_itself() -> None:
    assert not any("max.message.bytes" in spec.configs for spec in SPECS.values())


def test_only_the_inputs_belong_to_the_producers() -> None:
    owned = [spec.name for spec in SPECS.values() if spec.owner == "producers"]
    assert owned == list(EVENTS)
    assert all(SPECS[dead_letter_topic(name)].owner == "offbeat" for name in EVENTS)
