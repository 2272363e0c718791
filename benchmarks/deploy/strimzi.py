"""`python -m benchmarks.deploy.strimzi > benchmarks/deploy/jars.lock` locks Strimzi's jars anew."""

import sys

from benchmarks.deploy.tools import ROOTS
from streams.kafka import jars

if __name__ == "__main__":
    sys.stdout.write("# What Strimzi makes its CRDs with; printed by benchmarks.deploy.strimzi\n")
    sys.stdout.writelines(f"{jar}\n" for jar in jars.resolve(jars.cache_folder(), ROOTS))
