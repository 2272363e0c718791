"""Where detectors are tried out: customers with known truth, baselines and evaluation. All pure."""
