"""Report in, one surface's form out: pure, without network; renderers do not know each other."""
