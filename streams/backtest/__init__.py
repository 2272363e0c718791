"""A user's own history instead of a benchmark's set: read, decided over, and put into tables."""
