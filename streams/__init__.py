"""offbeat: streams."""
