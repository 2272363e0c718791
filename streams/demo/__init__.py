"""What `offbeat demo` is made of: a worker of its own, a watch on the broker, a year of events."""
