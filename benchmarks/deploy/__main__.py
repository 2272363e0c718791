"""`make deploy-check`: do the files in deploy/ say what Kubernetes, Strimzi and Docker accept?

Renders every overlay with kubectl's Kustomize and checks each resource against the schema of its
kind: Kubernetes' own in the oldest and the newest version that are meant, Strimzi's and the
Prometheus operator's for theirs; then what schemas cannot know (`pods`). The Dockerfile goes
through hadolint, the compose file through Docker Compose. Exit code 1 when anything is wrong, or
unchecked; and when one of the ways in which `spoilt` spoils manifests is not noticed. No cluster
and no Docker engine takes part: nothing is started from these files.

`make manifests` is the same with --write: it makes the generated files anew, and checks nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import jsonschema
import yaml

from benchmarks.deploy import generated, pods
from benchmarks.deploy.spoilt import SPOILT, spoilt
from benchmarks.deploy.tools import BUILT, custom_schemas, program, run
from benchmarks.harness import console
from streams.errors import ConfigurationError
from streams.figures import write_figures

VERSIONS = ("1.30", "1.37")
_GROUPS = ("kafka.strimzi.io", "monitoring.coreos.com")


def rendered(name: str) -> list[dict[str, Any]]:
    """The resources of an overlay."""
    text = run(program("kubectl"), "kustomize", str(generated.KUBERNETES / "overlays" / name))
    return [one for one in yaml.safe_load_all(text) if one]


def schema_faults(manifests: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Where a resource is not as its kind has to be; an unknown kind is a fault too."""
    for one in manifests:
        where = f"{one['kind']}/{one['metadata']['name']}"
        if one["apiVersion"].partition("/")[0] in _GROUPS:
            try:
                jsonschema.validate(one, custom_schemas()[one["kind"]])
            except KeyError:
                yield f"{where}: no schema is known"
            except jsonschema.ValidationError as error:
                yield f"{where}: {error.json_path}: {error.message}"
            continue
        path = BUILT / "resource.yaml"
        path.write_text(yaml.safe_dump(one))
        for version in VERSIONS:
            try:
                said = run(program("kubernetes-validate"), "--strict", "-k", version, str(path))
            except ConfigurationError as error:
                yield f"{where}: {error.what}"
            else:
                if "WARN" in said:
                    yield f"{where}: {said.strip()}"


def file_faults() -> Iterator[str]:
    """The Dockerfile and the compose file."""
    checks = {
        "deploy/Dockerfile": [program("hadolint"), "deploy/Dockerfile"],
        "docker-compose.yml": [program("docker-compose"), "config", "--quiet"],
    }
    for name, command in checks.items():
        try:
            run(*command, environment={**os.environ, "GRAFANA_ADMIN_PASSWORD": "-"})
        except ConfigurationError as error:
            yield f"{name}: {error.what}"


def unnoticed(manifests: list[dict[str, Any]]) -> list[str]:
    """What is wrong with spoilt manifests of the production overlay, and would pass."""
    found = []
    for what, spoil in SPOILT.items():
        copies, changed = spoilt(spoil, manifests)
        if not any(schema_faults(changed)) and not any(pods.faults("production", copies)):
            found.append(what)
    return found


def check() -> tuple[dict[str, int], list[str]]:
    """Figures, and all that is wrong."""
    found = [f"{path.name} is not what `make manifests` makes" for path in generated.stale()]
    manifests = validated = 0
    overlays = sorted(path.name for path in (generated.KUBERNETES / "overlays").iterdir())
    for name in overlays:
        resources = rendered(name)
        manifests += len(resources)
        for one in resources:
            wrong = list(schema_faults([one]))
            validated += not wrong
            found += [f"{name}: {fault}" for fault in wrong]
        found += [f"{name}: {fault}" for fault in pods.faults(name, resources)]
        if name == "production":
            found += [f"not noticed: {what}" for what in unnoticed(resources)]
    found += file_faults()
    figures = {
        "overlays": len(overlays),
        "manifests": manifests,
        "validated": validated,
        "generated_files": len(list(generated.generated())),
        "spoilt": len(SPOILT),
        "unnoticed": sum(fault.startswith("not noticed") for fault in found),
        "faults": len(found),
    }
    return figures, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="make the generated files anew")
    if parser.parse_args().write:
        for path in generated.write():
            print(f"wrote {path.relative_to(generated.ROOT)}")
        return
    figures, found = check()
    for fault in found:
        console.print(f"fault: {fault}", markup=False, soft_wrap=True)
    write_figures("deploy", figures)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
