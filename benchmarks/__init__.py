"""Measurements and proofs that need minutes: each a module, run as `python -m benchmarks.NAME`."""
