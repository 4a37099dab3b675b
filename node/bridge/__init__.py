"""Moves ether and tokens between L1 and L2 for an account holder: deposits, and withdrawals with all their steps."""
