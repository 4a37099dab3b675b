"""Unsafe blocks of others: what a sequencer has made and L1 does not have yet, checked, queued, and passed on."""
