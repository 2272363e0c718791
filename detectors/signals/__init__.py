"""One file a stream: what an observation changes in its customer's row."""
