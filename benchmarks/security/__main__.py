"""`make security`: are log-ins, the least of permissions, and erasure what the docs say?

Every trial is a real worker process against Apache Kafka with an authorizer. Exit code 1 when
anything is not as promised, or was not tried. With `--quick` some of every kind are tried, and
build/figures/security.json is left alone.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial

from benchmarks.harness import console
from benchmarks.security import erasure, logins, permissions
from benchmarks.security.cluster import Cluster, cluster
from benchmarks.security.trial import Outcome
from streams.figures import write_figures

FIGURES = ("sasl_plain", "scram", "tls", "least_acls", "erasure")


async def run(*, quick: bool) -> list[Outcome]:
    """Every trial, told as it ends."""
    outcomes = []
    every: list[Callable[[Cluster], AsyncIterator[Outcome]]] = [
        logins.accepted,
        logins.refused,
        permissions.enough,
        *([] if quick else [permissions.each_is_needed, permissions.withdrawn]),
        partial(erasure.erased, quick=quick),
    ]
    with cluster() as secured:
        for trials in every:
            async for outcome in trials(secured):
                outcomes.append(outcome)
                sign = "as promised" if outcome.as_promised else "NOT AS PROMISED"
                console.print(
                    f"{outcome.figure:10} {sign}: {outcome.what}", markup=False, soft_wrap=True
                )
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="some of every kind")
    quick = parser.parse_args().quick
    outcomes = asyncio.run(run(quick=quick))
    figures = {}
    for name in FIGURES:
        mine = [outcome.as_promised for outcome in outcomes if outcome.figure == name]
        figures[name] = int(bool(mine) and all(mine))  # what was not tried is not proven
    if not quick:
        write_figures("security", figures)
    console.print(figures)
    sys.exit(not all(figures.values()))


if __name__ == "__main__":
    main()
