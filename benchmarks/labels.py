"""Microseconds to learn a label: the compiled regression beside river's pipeline, in turns.

One by one, as river learns; and as the trainer does, a fetch at once.
"""

import time
from statistics import median
from typing import Any

import numpy as np
from river import linear_model, optim, preprocessing

from detectors.learning.names import FEATURES
from detectors.learning.regression import CompiledRegression
from streams.figures import write_figures

LABELS = 2_000
FETCH = 100
ROUNDS = 15


def main() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(LABELS, len(FEATURES))).tolist()
    examples = [dict(zip(FEATURES, row, strict=True)) for row in values]
    outcomes = (rng.random(LABELS) < 0.2).tolist()

    def taken(model: Any) -> float:
        began = time.process_time()
        for x, y in zip(examples, outcomes, strict=True):
            model.predict_proba_one(x)
            model.learn_one(x, y)
        return (time.process_time() - began) / LABELS * 1e6

    taken(CompiledRegression(FEATURES, None, rate=0.1, eps=10.0))  # compile

    def together() -> float:
        model = CompiledRegression(FEATURES, None, rate=0.1, eps=10.0)
        began = time.process_time()
        for first in range(0, LABELS, FETCH):
            fetched = slice(first, first + FETCH)
            x = np.array([[one[name] for name in FEATURES] for one in examples[fetched]])
            model.learn_all(x, np.array(outcomes[fetched], np.int64))
        return (time.process_time() - began) / LABELS * 1e6

    rounds = []
    for _ in range(ROUNDS):
        regression = linear_model.LogisticRegression(optim.AdaGrad(0.1, eps=10.0))
        pipeline = preprocessing.StandardScaler() | regression
        compiled = CompiledRegression(FEATURES, None, rate=0.1, eps=10.0)
        rounds.append((taken(pipeline), taken(compiled), together()))
    figures = {
        "river_us_a_label": median(river for river, _, _ in rounds),
        "compiled_us_a_label": median(compiled for _, compiled, _ in rounds),
        "together_us_a_label": median(all_at_once for _, _, all_at_once in rounds),
        "ratio_river": median(river / compiled for river, compiled, _ in rounds),
        "ratio_together": median(river / all_at_once for river, _, all_at_once in rounds),
    }
    write_figures("labels", figures)


if __name__ == "__main__":
    main()
