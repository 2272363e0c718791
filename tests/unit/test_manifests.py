"""Manifests that are made from the code: up to date, and with nobody's rights wider than needed."""

import itertools
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from benchmarks.deploy import generated
from benchmarks.deploy.pods import LOADS
from schemas.topics import topic_specs
from streams import cli
from streams.capacity import capacity
from streams.kafka import strimzi
from streams.kafka.acls import acls
from streams.settings import Settings
from streams.settings_groups import Topics


def _allowed(user: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {
        (acl["resource"]["type"], acl["resource"]["name"], operation)
        for acl in user["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    }


def test_generated_manifests_are_what_make_manifests_makes() -> None:
    assert generated.stale() == []


def test_prometheus_in_kubernetes_has_the_rules_that_are_tested() -> None:
    (path,) = [path for path, _ in generated.generated() if path.name == "prometheusrule.yaml"]
    assert yaml.safe_load(path.read_text())["spec"] == yaml.safe_load(generated.RULES.read_text())


def test_every_topic_is_a_resource_with_its_spec() -> None:
    settings = Settings(topics=Topics(prefix="x", customers="people", partitions=3, replication=3))
    specs = {one.name: one for one in topic_specs("x", settings.topics.inputs, "people")}
    resources = strimzi.topic_resources(settings, "k")
    assert {one["spec"]["topicName"] for one in resources} == specs.keys()
    for one in resources:
        spec = specs[one["spec"]["topicName"]]
        assert one["spec"]["config"] == spec.configs
        assert one["spec"]["partitions"] == (3 if spec.partitions == "inputs" else spec.partitions)
        assert one["spec"]["replicas"] == 3
        assert one["metadata"]["labels"] == {"strimzi.io/cluster": "k"}


def test_copies_that_are_left_to_the_broker_are_left_to_the_cluster() -> None:
    assert "replicas" not in strimzi.topic_resources(Settings(), "k")[0]["spec"]


def test_a_worker_s_user_may_do_what_the_worker_needs_and_no_more() -> None:
    settings = Settings(group="g", topics=Topics(customers="people", partitions=3))
    worker, feeder, reader = strimzi.user_resources(settings, "k")
    kinds = {"transactional-id": "transactionalId"}
    wanted = {
        (kinds.get(acl.resource, acl.resource), acl.name, acl.operation) for acl in acls(settings)
    }
    assert _allowed(worker) == wanted
    assert _allowed(feeder) == {("topic", name, "Write") for name in settings.topics.inputs}
    assert {operation for _, _, operation in _allowed(reader)} == {"Read"}
    assert not {name for _, name, _ in _allowed(reader)} & set(settings.topics.inputs)


@pytest.mark.parametrize("name", ["Visits_eu", "_", "-a", "a-", "a.b_c", "A" * 60])
def test_names_that_kubernetes_refuses_become_others_that_it_takes(name: str) -> None:
    made = strimzi.kubernetes_name(name)
    assert made != name
    assert strimzi.kubernetes_name(made) == made


def test_names_that_differ_stay_different() -> None:
    names = ["a_b", "a-b", "A_b", "a.b"]
    assert len({strimzi.kubernetes_name(name) for name in names}) == len(names)


def test_more_customers_and_more_events_never_need_less() -> None:
    sizes = [10**n for n in range(1, 9)]
    for one, other in itertools.pairwise(sizes):
        few, many = capacity(one, 1e3), capacity(other, 1e3)
        assert few.memory_bytes <= many.memory_bytes
        assert few.changelog_bytes < many.changelog_bytes
        slow, fast = capacity(10**6, float(one)), capacity(10**6, float(other))
        assert slow.workers <= fast.workers
        assert slow.partitions <= fast.partitions
    assert all(capacity(size, 1.0).workers >= 2 for size in sizes)


@pytest.mark.parametrize(("customers", "rate"), [(0, 1.0), (1, 0.0), (1, float("nan"))])
def test_no_customers_or_no_events_are_no_load(customers: int, rate: float) -> None:
    with pytest.raises(ValueError, match="accepted"):
        capacity(customers, rate)


def test_a_load_that_is_named_for_an_overlay_is_that_of_an_overlay() -> None:
    overlays = {path.name for path in (generated.KUBERNETES / "overlays").iterdir()}
    assert overlays == LOADS.keys()


def test_the_command_prints_what_the_manifests_are_made_of() -> None:
    said = CliRunner().invoke(cli.app, ["topics", "manifest", "--partitions", "3"])
    settings = Settings(topics=Topics(partitions=3))
    assert list(yaml.safe_load_all(said.output)) == strimzi.topic_resources(settings, "kafka")


def test_capacity_refuses_what_is_no_load_and_says_what_would_be() -> None:
    said = CliRunner().invoke(cli.app, ["capacity", "--customers", "nan"])
    assert said.exit_code == 78
