"""The operational clock: gaps and silences in the time that the shop's customers live by."""
