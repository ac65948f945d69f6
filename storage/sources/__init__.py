"""One file a source: a foreign record in, usage events out; sources do not know each other."""
