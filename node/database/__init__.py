"""Looks after a data directory while no node runs on it: integrity, contents, size."""
