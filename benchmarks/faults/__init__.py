"""Whatever strikes a worker or its broker, the same comes out of the same events."""
