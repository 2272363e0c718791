"""Manifests that are made from other files of the repository, so that each fact is written once.

* rules.yml → components/monitoring/prometheusrule.yaml
* dashboards/*.json → grafana/kustomization.yaml, which makes ConfigMaps of them
* the specs of topics, and permissions, under the settings of the production overlay
  → components/strimzi/{topics,users}.yaml
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from streams.kafka import strimzi
from streams.settings import Settings, load

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
COMPONENTS = KUBERNETES / "components"
RULES = DEPLOY / "prometheus" / "rules.yml"
GRAFANA = DEPLOY / "grafana"
CLUSTER = "kafka"
HEAD = "# Made by `make manifests`; do not edit.\n"


def generated() -> Iterator[tuple[Path, str]]:
    """Every such file, and what has to be in it."""
    settings = overlay_settings("production")
    yield COMPONENTS / "monitoring" / "prometheusrule.yaml", _text(_rule())
    yield GRAFANA / "kustomization.yaml", _text(_dashboards())
    yield (
        COMPONENTS / "strimzi" / "topics.yaml",
        _text(*strimzi.topic_resources(settings, CLUSTER)),
    )
    yield (
        COMPONENTS / "strimzi" / "users.yaml",
        _text(*strimzi.user_resources(settings, CLUSTER)),
    )


def overlay_settings(name: str) -> Settings:
    """The settings that an overlay gives its workers, its environment apart."""
    return load(KUBERNETES / "overlays" / name / "offbeat.toml")


def stale() -> list[Path]:
    """Those that are not as they have to be."""
    return [path for path, text in generated() if not path.exists() or path.read_text() != text]


def write() -> list[Path]:
    """Make them so; which were changed."""
    changed = stale()
    for path, text in generated():
        path.write_text(text)
    return changed


def _rule() -> dict[str, Any]:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "offbeat"},
        "spec": yaml.safe_load(RULES.read_text()),
    }


def _dashboards() -> dict[str, Any]:
    """One ConfigMap each: the limit of a ConfigMap is 1 MiB."""
    paths = sorted((GRAFANA / "dashboards").glob("*.json"))
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "configMapGenerator": [
            {
                "name": f"offbeat-dashboard-{strimzi.kubernetes_name(path.stem)}",
                "files": [str(path.relative_to(GRAFANA))],
                "options": {
                    "labels": {"grafana_dashboard": "1"},
                    "disableNameSuffixHash": True,
                },
            }
            for path in paths
        ],
    }


def _text(*documents: Any) -> str:
    return HEAD + yaml.safe_dump_all(documents, sort_keys=False, width=100, allow_unicode=True)
