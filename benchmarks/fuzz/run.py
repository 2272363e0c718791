"""Damaged bytes by the million: the walk over record batches and the reading of records.

Fetches of real record batches (formats v0, v1 and v2, every codec, transactions that commit and
that do not, markers, gaps) of good and bad examples whose JSON, keys and headers were mutated; half
of the fetches are then damaged themselves: bits flipped, cut short, lengths and counts changed,
with the checksum left wrong or made right again so that the damage gets past it.

What must come of it: a fetch is refused as corrupt by the two errors that say so, or every one of
its records is an event or a dead letter. Where nothing was damaged, aiokafka's own reader must find
the same records. What lies behind a fetch must not matter, and the kernels are compiled with checks
of their bounds. Anything else counts as an exception; the bytes of the first ones are kept in
build/fuzz.

    python -m benchmarks.fuzz [--records 1000000] [--seed 1]
"""

import argparse
import sys
import time
from collections.abc import Callable

from benchmarks.fuzz.fetches import Fetches
from benchmarks.fuzz.reader import Reader, bounds_are_checked
from detectors.observations import Input
from streams.cli.progress import progress
from streams.figures import write_figures


def fuzz(records: int, seed: int, advance: Callable[[int], None]) -> dict[str, float]:
    """Read until so many records have been; the figures."""
    fetches, reader = Fetches(seed), Reader()
    started = time.perf_counter()
    while reader.counts["records"] < records:
        source = fetches.random.choice(list(Input))
        advance(reader.read(source, fetches.fetch(source)))
    names = (
        *("records", "exceptions", "events", "dead_letters", "events_sent_on"),
        *("copies_passed_over", "fetches_read", "corrupt_fetches", "fetches_guarded"),
        "records_compared",
    )
    return {
        **{name: reader.counts[name] for name in names},
        "bounds_checked": int(bounds_are_checked()),
        "reasons_seen": len(reader.reasons),
        "seed": seed,
        "seconds": time.perf_counter() - started,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with progress("Fuzzing", given.records, "records") as advance:
        figures = fuzz(given.records, given.seed, advance)
    write_figures("fuzz", figures)
    whole = figures["events"] + figures["dead_letters"] == figures["records"]
    sys.exit(bool(figures["exceptions"]) or not whole or not figures["bounds_checked"])


if __name__ == "__main__":
    main()
