"""Takes each rule out of a copy of the code, and demands that its tests notice."""
