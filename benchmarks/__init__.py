"""Reproducible benchmarks: `python -m benchmarks`, one JSON line per figure."""
