"""How soon, how surely and how truly offbeat finds who leaves, beside what people use today."""
