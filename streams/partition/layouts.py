"""Freeze the row layout: `python -m streams.partition.layouts` writes it beside the schemas.

A released layout never changes. A new field means a new LAYOUT_VERSION, a new file, and the old one
stays.
"""

from pathlib import Path

import msgspec
import numpy as np

import schemas
from detectors.customer import CUSTOMER, LAYOUT_VERSION
from schemas.changelog import Layout, LayoutField


def current() -> Layout:
    """Today's layout, field by field."""
    fields = []
    for name, (dtype, offset) in sorted(
        ((n, f[:2]) for n, f in (CUSTOMER.fields or {}).items()), key=lambda item: item[1][1]
    ):
        base, shape = dtype.subdtype or (dtype, ())
        fields.append(LayoutField(name, np.dtype(base).str, offset, list(shape)))
    return Layout(LAYOUT_VERSION, CUSTOMER.itemsize, fields)


def path(version: int) -> Path:
    """Where a layout is kept."""
    return Path(str(schemas.__file__)).parent / "layouts" / f"customer-v{version}.json"


def main() -> None:
    """Write today's layout."""
    target = path(LAYOUT_VERSION)
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(msgspec.json.format(msgspec.json.encode(current()), indent=1) + b"\n")


if __name__ == "__main__":
    main()
