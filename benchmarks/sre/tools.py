"""Prometheus and Alertmanager: the programs that `make` has unpacked, else those on the path."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from streams.errors import ConfigurationError

UNPACKED = Path(".tools/monitoring/usr/bin")
TEMPLATES = Path("/usr/share/prometheus/alertmanager/default.tmpl")
# Debian calls it by the longer name, so that it is told from others
NAMES = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    "alertmanager": ("prometheus-alertmanager", "alertmanager"),
    "amtool": ("amtool",),
}


class Tools(NamedTuple):
    """Paths of the programs."""

    prometheus: str
    promtool: str
    alertmanager: str
    amtool: str


class Ran(NamedTuple):
    """How a program ended, and what it said."""

    fine: bool
    output: str


def find() -> Tools:
    """All four.

    Raises:
        ConfigurationError: one is missing; says how it gets here.
    """
    found = {}
    for name, names in NAMES.items():
        places = [*(str(UNPACKED / one) for one in names), *names]
        path = next((path for place in places if (path := shutil.which(place))), None)
        if path is None:
            raise ConfigurationError(
                f"{names[0]} is neither in {UNPACKED} nor on the path",
                remedy="`make sre` unpacks Debian's packages; elsewhere install Prometheus and "
                "Alertmanager by the system's own means.",
            )
        found[name] = str(Path(path).absolute())
    if found["alertmanager"].startswith(str(UNPACKED.absolute())) and not TEMPLATES.exists():
        raise ConfigurationError(
            f"Debian's Alertmanager looks for its templates in {TEMPLATES}, and nowhere else",
            remedy=f"As root: cp -r {UNPACKED.parent.absolute()}/share/prometheus /usr/share/",
        )
    return Tools(**found)


def run(*command: str | Path) -> Ran:
    """Run one to its end."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return Ran(ended.returncode == 0, (ended.stdout + ended.stderr).strip())
