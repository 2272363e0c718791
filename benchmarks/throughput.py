"""Events a second and CPU an event: offbeat's worker beside stock Faust, on one Kafka.

Two of those who race in `make bench`, alone and on a smaller shop: a matter of two minutes.
"""

import argparse
import asyncio
import sys

from benchmarks.speed.contestants import named_contestants
from benchmarks.speed.race import Shop, figures, race
from streams.figures import write_figures
from streams.kafka.broker import bootstrap

AT_LEAST = 50  # times as many events a second as stock Faust
ROUNDS = 3  # of both in turn: shared machines are faster at times; medians are printed


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--customers", type=int, default=20_000)
    arguments.add_argument("--days", type=float, default=270.0)
    arguments.add_argument("--measure-only", action="store_true", help="exit 0 whatever it is")
    options = arguments.parse_args()
    shop = Shop(options.customers, options.days)
    contestants = named_contestants("offbeat", "stock_faust")
    with bootstrap(None) as broker:
        found = asyncio.run(race(broker, shop, contestants, ROUNDS))
    measured = figures(found)
    measured["ratio_stock_faust"] = measured.pop("ratio_stock_faust_wall")
    write_figures("throughput", {"customers": shop.customers, "rounds": ROUNDS, **measured})
    sys.exit(not options.measure_only and measured["ratio_stock_faust"] < AT_LEAST)


if __name__ == "__main__":
    main()
