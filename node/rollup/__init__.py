"""The rollup node: follows L1, derives the safe chain, sequences the unsafe one, and owns both decisions."""
