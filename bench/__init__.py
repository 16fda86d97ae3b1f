"""Benchmarks, each on a stack of its own: `make bench`."""
