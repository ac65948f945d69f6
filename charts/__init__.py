"""Figure in, picture out: pure functions without clock, database or locale."""
