"""What numbers mean: SQL aggregates in, plain values and reports out."""
