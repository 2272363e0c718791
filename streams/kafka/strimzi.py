"""The topics and their users as Strimzi's resources, from the specs and permissions of the code.

Whoever runs Kafka by Strimzi keeps topics and users as resources of Kubernetes: `offbeat topics
create` and kafka-acls.sh are then not used. Kept to `kafka.strimzi.io/v1`.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Any

from schemas.topics import PARTITIONED_LIKE_INPUTS, OutputTopics, TopicSpec
from streams.kafka.acls import Acl, acls
from streams.kafka.topics import specs
from streams.settings import Settings

API_VERSION = "kafka.strimzi.io/v1"
CLUSTER_LABEL = "strimzi.io/cluster"
# What Kubernetes accepts as a name (RFC 1123 subdomain).
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_RESOURCES = {"topic": "topic", "group": "group", "transactional-id": "transactionalId"}

Resource = dict[str, Any]


def topic_resources(settings: Settings, cluster: str) -> list[Resource]:
    """A KafkaTopic for each topic; `cluster` is the name of Strimzi's Kafka resource.

    Partitions and copies are those of the settings; -1 copies are left to the cluster.
    """
    return [_topic(spec, settings, cluster) for spec in specs(settings)]


def user_resources(settings: Settings, cluster: str) -> list[Resource]:
    """A KafkaUser for workers, one for who feeds the inputs, one for who reads the alerts."""
    outputs, group = OutputTopics(settings.topics.prefix), settings.group
    reader = f"{group}-alerts"
    fed = [Acl("topic", name, "Write") for name in settings.topics.inputs]
    read = [Acl("topic", name, "Read") for name in (outputs.alerts, outputs.at_risk)]
    return [
        _user(group, acls(settings), cluster),
        _user(f"{group}-feed", fed, cluster),
        _user(reader, [*read, Acl("group", reader, "Read")], cluster),
    ]


def _topic(spec: TopicSpec, settings: Settings, cluster: str) -> Resource:
    copies = settings.topics.replication
    inputs = spec.partitions == PARTITIONED_LIKE_INPUTS
    return {
        "apiVersion": API_VERSION,
        "kind": "KafkaTopic",
        "metadata": _metadata(spec.name, cluster),
        "spec": {
            "topicName": spec.name,
            "partitions": settings.topics.partitions if inputs else spec.partitions,
            **({} if copies == -1 else {"replicas": copies}),
            "config": spec.configs,
        },
    }


def _user(name: str, allowed: Iterable[Acl], cluster: str) -> Resource:
    operations: dict[tuple[str, str], list[str]] = {}
    for acl in allowed:
        operations.setdefault((acl.resource, acl.name), []).append(acl.operation)
    return {
        "apiVersion": API_VERSION,
        "kind": "KafkaUser",
        "metadata": _metadata(name, cluster),
        "spec": {
            "authentication": {"type": "scram-sha-512"},
            "authorization": {
                "type": "simple",
                "acls": [
                    {
                        "resource": {
                            "type": _RESOURCES[resource],
                            "name": resource_name,
                            "patternType": "literal",
                        },
                        "operations": names,
                    }
                    for (resource, resource_name), names in operations.items()
                ],
            },
        },
    }


def _metadata(name: str, cluster: str) -> Resource:
    return {"name": kubernetes_name(name), "labels": {CLUSTER_LABEL: cluster}}


def kubernetes_name(name: str) -> str:
    """The same, or, where Kubernetes does not accept it, what is like it and differs from others.

    >>> kubernetes_name("offbeat.at-risk")
    'offbeat.at-risk'
    >>> kubernetes_name("Visits_eu")
    'visits-eu-386bdb10'
    """
    if _NAME.fullmatch(name):
        return name
    like = re.sub(r"[^a-z0-9.-]", "-", name.lower()).strip("-.")
    return f"{like}-{hashlib.sha256(name.encode()).hexdigest()[:8]}".lstrip("-")
