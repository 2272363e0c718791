"""`make security`: is each way to log in, and the least of permissions, what the docs say?

Every row is a real worker process against Apache Kafka with an authorizer. Exit code 1 when
anything is not as promised.
"""

from __future__ import annotations

import asyncio
import sys

from rich.table import Table

from benchmarks.harness import console
from benchmarks.security import logins, permissions
from benchmarks.security.cluster import cluster
from streams.figures import write_figures

FIGURES = ("sasl_plain", "scram", "tls", "least_acls", "erasure")


async def run() -> list[logins.Outcome]:
    with cluster() as secured:
        return [
            *await logins.accepted(secured),
            *await logins.refused(secured),
            *await permissions.enough(secured),
            *await permissions.each_is_needed(secured),
            *await permissions.withdrawn(secured),
        ]


def main() -> None:
    outcomes = asyncio.run(run())
    table = Table("figure", "what", "as promised")
    for figure, what, fine in outcomes:
        table.add_row(figure, what, "yes" if fine else "[red]no")
    console.print(table)
    proven = {
        name: int(
            any(f == name for f, *_ in outcomes) and all(x for f, _, x in outcomes if f == name)
        )
        for name in FIGURES
    }
    write_figures("security", proven)
    sys.exit(not all(proven.values()))


if __name__ == "__main__":
    main()
