"""Models: what is known by name (catalogue), what is on this disk (store), where it is from (sources)."""
