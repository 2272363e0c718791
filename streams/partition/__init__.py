"""One partition's life: ingest, order, state, checkpoint, recovery."""
