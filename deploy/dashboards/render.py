"""The dashboards as Grafana reads them from files."""

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.dashboards.churn import churn
from deploy.dashboards.model import model
from deploy.dashboards.operations import operations

FOLDER = Path(__file__).parents[1] / "grafana" / "dashboards"


def rendered() -> dict[str, str]:
    """The text of each file, by its name."""
    found = {}
    for name, make in (("operations", operations), ("churn", churn), ("model", model)):
        board = make().build()
        for number, panel in enumerate(board.panels or [], start=1):
            panel.id_val = number
        text = json.dumps(board, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False)
        found[f"{name}.json"] = f"{text}\n"
    return found
