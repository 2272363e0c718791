"""The features of a customer at a time, and the example that their outcome makes of them."""

import numpy as np

from detectors.learning.names import FEATURES as FEATURES

EXAMPLE = np.dtype(
    [
        ("snapshot_time", "f8"),  # when the features were taken
        ("label_time", "f8"),  # snapshot_time + horizon
        ("static_logit", "f8"),  # log-odds of the static P(no purchase in the horizon)
        ("features", "f4", (len(FEATURES),)),
        ("row", "i4"),
        ("outcome", "u1"),  # 1 = no purchase in (snapshot_time, label_time]
    ],
    align=True,
)
"""One learning example, emitted once the watermark is past its label time."""
