"""Ways in which manifests can be wrong; a check that misses one of them is worth little."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

Manifest = dict[str, Any]
Named = Mapping[tuple[str, str], Manifest]
Spoil = Callable[[Named], Any]

_WORKERS = ("StatefulSet", "offbeat")
_RULE = ("PrometheusRule", "offbeat")


def _pod(found: Named) -> Manifest:
    pod: Manifest = found[_WORKERS]["spec"]["template"]["spec"]
    return pod


def _worker(found: Named) -> Manifest:
    (worker,) = _pod(found)["containers"]
    one: Manifest = worker
    return one


def _topic(found: Named) -> Manifest:
    topic: Manifest = found["KafkaTopic", "purchases"]["spec"]
    return topic


def _user(found: Named) -> Manifest:
    user: Manifest = found["KafkaUser", "offbeat"]["spec"]
    return user


# What is done to the production overlay, by what it would mean.
SPOILT: dict[str, Spoil] = {
    "a field that Kubernetes does not know": lambda f: _pod(f).update(hostname_typo="x"),
    "a number where a text is wanted": lambda f: _worker(f)["env"][0].update(value=1),
    "a field that Strimzi does not know": lambda f: _topic(f).update(replication=3),
    "a topic without partitions": lambda f: _topic(f).update(partitions=0),
    "an operation that Kafka does not have": lambda f: _user(f)["authorization"]["acls"][0].update(
        operations=["Reed"]
    ),
    "a field that the Prometheus operator does not know": lambda f: f[_RULE]["spec"]["groups"][0][
        "rules"
    ][0].update(severity="error"),
    "a rule without an expression": lambda f: f[_RULE]["spec"]["groups"][0]["rules"][0].pop("expr"),
    "a kind that nobody knows": lambda f: f[_WORKERS].update(kind="StatefullSet"),
    "a pod that may be root": lambda f: _pod(f)["securityContext"].update(runAsNonRoot=False),
    "capabilities": lambda f: _worker(f)["securityContext"].update(capabilities={}),
    "a folder of the host": lambda f: _pod(f)["volumes"].append(
        {"name": "host", "hostPath": {"path": "/"}}
    ),
    "a variable that is no setting": lambda f: _worker(f)["env"].append(
        {"name": "OFFBEAT_BROKERS", "value": "kafka:9092"}
    ),
    "a password in the environment": lambda f: _worker(f)["env"].append(
        {"name": "OFFBEAT_KAFKA_SASL_PASSWORD", "value": "x"}
    ),
    "a secret that is not mounted": lambda f: _worker(f).update(
        volumeMounts=[m for m in _worker(f)["volumeMounts"] if m["name"] != "login"]
    ),
    "a secret that nobody makes": lambda f: f["KafkaUser", "offbeat"]["metadata"].update(name="x"),
    "too little memory": lambda f: _worker(f)["resources"]["limits"].update(memory="512Mi"),
    "too few workers": lambda f: f[_WORKERS]["spec"].update(replicas=1),
    "a grace that is too short": lambda f: _pod(f).update(terminationGracePeriodSeconds=20),
    "an impatient liveness probe": lambda f: _worker(f)["livenessProbe"].update(failureThreshold=1),
}


def spoilt(spoil: Spoil, manifests: list[Manifest]) -> tuple[list[Manifest], list[Manifest]]:
    """All of them, one spoilt; and the ones that are not as they were."""
    copies = deepcopy(manifests)
    spoil({(one["kind"], one["metadata"]["name"]): one for one in copies})
    changed = [one for one, was in zip(copies, manifests, strict=True) if one != was]
    if not changed:
        raise AssertionError("nothing was spoilt")
    return copies, changed
