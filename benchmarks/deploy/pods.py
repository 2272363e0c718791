"""What Kubernetes' schemas cannot know: that a pod is restricted, and that it fits a worker."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.deploy.generated import overlay_settings
from streams.capacity import START_SECONDS, capacity
from streams.settings import Settings
from streams.settings_sources import CONFIG_VARIABLE, fields, lookup, variable

Manifest = Mapping[str, Any]

# The volumes of the restricted Pod Security Standard that are used here.
_VOLUMES = {"configMap", "emptyDir", "secret"}
_AUTHORITY = "-cluster-ca-cert"  # of Strimzi's Kafka resource
_UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
# Kernels that have to be compiled, on a core that does something else too.
_COMPILING_SECONDS = 120.0
# What an overlay is for; size.yaml says how it was reckoned.
LOADS = {"small": (200_000, 1_000.0), "production": (10_000_000, 100_000.0)}


def faults(name: str, manifests: Sequence[Manifest]) -> Iterator[str]:
    """Everything that is wrong with the workers of an overlay, each as a sentence."""
    found = {(one["kind"], one["metadata"]["name"]): one for one in manifests}
    workers = found["StatefulSet", "offbeat"]["spec"]
    pod = workers["template"]["spec"]
    settings = overlay_settings(name)
    yield from _restricted(pod)
    yield from _environment(pod)
    yield from _patience(pod, settings)
    yield from _size(name, workers, settings)
    yield from _references(pod, found)


def _restricted(pod: Manifest) -> Iterator[str]:
    """The restricted Pod Security Standard, and a root file system that nobody writes to."""
    whole = pod["securityContext"]
    if not whole.get("runAsNonRoot") or not whole.get("runAsUser"):
        yield "the pod may run as root"
    if whole.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "the pod has no seccomp profile"
    if pod.get("automountServiceAccountToken", True):
        yield "the pod gets a token of Kubernetes"
    if any(pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")):
        yield "the pod shares a namespace of its host"
    for volume in pod["volumes"]:
        if not volume.keys() <= _VOLUMES | {"name"}:
            yield f"volume {volume['name']} is of a kind that is not allowed"
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        own, name = container["securityContext"], container["name"]
        if own.get("allowPrivilegeEscalation", True) or own.get("privileged"):
            yield f"{name} may gain privileges"
        if own.get("capabilities", {}).get("drop") != ["ALL"] or own["capabilities"].get("add"):
            yield f"{name} has capabilities"
        if not own.get("readOnlyRootFilesystem"):
            yield f"{name} may write to its image"
        if "memory" not in container["resources"].get("limits", {}):
            yield f"{name} has no limit of memory"


def _environment(pod: Manifest) -> Iterator[str]:
    """Variables are settings, secrets are files that are mounted."""
    (worker,) = pod["containers"]
    known = {variable(key) for key, _ in fields(Settings)} | {CONFIG_VARIABLE}
    mounts = {mount["mountPath"]: mount["name"] for mount in worker["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for entry in worker["env"]:
        name, value = entry["name"], entry.get("value", "")
        if name not in known:
            yield f"{name} is no setting"
        if re.search(r"PASSWORD$|SECRET$|TOKEN$", name):
            yield f"{name} is a secret in the environment; mount it as a file"
        if not name.endswith("_FILE") and name != CONFIG_VARIABLE:
            continue
        path = Path(value)
        volume = volumes.get(mounts.get(str(path.parent), ""), {})
        items = volume.get("secret", {}).get("items")
        if not volume or (items is not None and path.name not in {i["path"] for i in items}):
            yield f"{name} names {value}, which is not mounted"


def _patience(pod: Manifest, settings: Settings) -> Iterator[str]:
    """Probes wait for what a start and a stop may take."""
    (worker,) = pod["containers"]

    def patience(probe: str) -> float:
        seconds: float = worker[probe]["periodSeconds"] * worker[probe]["failureThreshold"]
        return seconds

    if patience("startupProbe") < START_SECONDS + _COMPILING_SECONDS:
        yield "the startup probe does not wait until kernels are compiled"
    if patience("livenessProbe") < settings.stall_seconds:
        yield "the liveness probe kills before a worker ends itself"
    if pod["terminationGracePeriodSeconds"] <= settings.stop_seconds:
        yield "a worker is killed before it has to have ended"


def _size(name: str, workers: Manifest, settings: Settings) -> Iterator[str]:
    """As `offbeat capacity` says, for the load that the overlay is for."""
    wanted = capacity(*LOADS[name], session_timeout_seconds=settings.kafka.session_timeout_seconds)
    (worker,) = workers["template"]["spec"]["containers"]
    memory = _bytes(worker["resources"]["limits"]["memory"])
    if memory < wanted.memory_bytes:
        yield f"a worker has {memory} bytes of memory and needs {wanted.memory_bytes}"
    if worker["resources"]["requests"]["memory"] != worker["resources"]["limits"]["memory"]:
        yield "memory is promised that need not be there"
    if workers["replicas"] < wanted.workers:
        yield f"there are {workers['replicas']} workers and {wanted.workers} are needed"
    if settings.topics.partitions < max(wanted.partitions, workers["replicas"]):
        yield f"there are {settings.topics.partitions} partitions, {wanted.partitions} are needed"


def _references(pod: Manifest, found: Mapping[tuple[str, str], Manifest]) -> Iterator[str]:
    """What is named is made here, by Strimzi for a KafkaUser, or for the cluster."""
    for volume in pod["volumes"]:
        secret = lookup(volume, "secret.secretName") or ""
        if secret and not secret.endswith(_AUTHORITY) and ("KafkaUser", secret) not in found:
            yield f"nobody makes the Secret {secret}"
        config = lookup(volume, "configMap.name")
        if config and ("ConfigMap", config) not in found:
            yield f"nobody makes the ConfigMap {config}"
    if ("ServiceAccount", pod["serviceAccountName"]) not in found:
        yield f"nobody makes the ServiceAccount {pod['serviceAccountName']}"


def _bytes(quantity: str) -> int:
    return int(quantity[:-2]) * _UNITS[quantity[-2:]]
