"""Kernels are compiled for the types that they are called with: there must be no second ones."""

from tests.functional.records import read_all, record


def test_ids_may_be_written_whatever_the_form_of_the_records() -> None:
    plain, _ = read_all([record()])
    unusual, _ = read_all([record(event_id="e-\\1"), record()])
    assert len(plain.observations) == 1
    assert len(unusual.observations) == 2
    # numba tells an array that may be written from one that may not
    assert plain.ids.flags.writeable
    assert unusual.ids.flags.writeable
