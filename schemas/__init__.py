"""offbeat: schemas."""
