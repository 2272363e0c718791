"""`make security`: is each way to log in, and the least of permissions, what the docs say?

Every trial is a real worker process against Apache Kafka with an authorizer. Exit code 1 when
anything is not as promised, or was not tried: of `erasure` there is no trial yet, its figure is 0.
"""

from __future__ import annotations

import asyncio
import sys

from benchmarks.harness import console
from benchmarks.security import logins, permissions
from benchmarks.security.cluster import cluster
from benchmarks.security.trial import Outcome
from streams.figures import write_figures

FIGURES = ("sasl_plain", "scram", "tls", "least_acls", "erasure")


async def run() -> list[Outcome]:
    """Every trial, told as it ends."""
    outcomes = []
    with cluster() as secured:
        for trials in (
            logins.accepted,
            logins.refused,
            permissions.enough,
            permissions.each_is_needed,
            permissions.withdrawn,
        ):
            async for outcome in trials(secured):
                outcomes.append(outcome)
                sign = "as promised" if outcome.as_promised else "NOT AS PROMISED"
                console.print(
                    f"{outcome.figure:10} {sign}: {outcome.what}", markup=False, soft_wrap=True
                )
    return outcomes


def main() -> None:
    outcomes = asyncio.run(run())
    figures = {}
    for name in FIGURES:
        mine = [outcome.as_promised for outcome in outcomes if outcome.figure == name]
        figures[name] = int(bool(mine) and all(mine))  # what was not tried is not proven
    write_figures("security", figures)
    sys.exit(not all(figures.values()))


if __name__ == "__main__":
    main()
