"""The same job as users of other engines would write it."""
