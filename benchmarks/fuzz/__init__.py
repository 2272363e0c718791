"""Damaged bytes by the million: the walk over record batches and the reading of records."""
