"""Where a model's files come from, one file a source: the hub, wheels of a package index, a local path."""
