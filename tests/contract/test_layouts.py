"""Rows outlive the version that wrote them."""

import numpy as np

from detectors.customer import CUSTOMER, LAYOUT_VERSION
from schemas.changelog import frozen_layout
from streams.partition import layouts
from streams.partition.changelog import as_current, layout_dtype


def test_the_frozen_layout_is_the_one_in_use() -> None:
    """If this fails: raise LAYOUT_VERSION and run `python -m streams.partition.layouts`.

    The old file stays.
    """
    assert frozen_layout(LAYOUT_VERSION) == layouts.current()


def test_every_layout_ever_written_can_still_be_read() -> None:
    for version in range(1, LAYOUT_VERSION + 1):
        layout = frozen_layout(version)
        assert layout.version == version
        rows = as_current(np.zeros(3, layout_dtype(version)))
        assert rows.dtype == CUSTOMER


def test_fields_are_found_by_name_and_new_ones_start_at_zero() -> None:
    old = np.dtype([("a_field_that_went", "f8"), ("last_purchase", "f8"), ("n_purchases", "u4")])
    rows = np.array([(1.0, 7.5, 3)], old)
    current = as_current(rows)
    assert (current["last_purchase"][0], current["n_purchases"][0]) == (7.5, 3)
    assert current["spend"][0] == 0.0
