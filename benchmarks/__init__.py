"""Ratios within one run; `make bench` prints them."""
