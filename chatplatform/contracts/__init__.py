"""Everything that knows what bytes look like: the toolkit here, a folder for each contract beside it."""
