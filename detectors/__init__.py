"""offbeat: detectors."""
