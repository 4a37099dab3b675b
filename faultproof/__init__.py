"""Settles disagreements about output roots: the game and its honest strategy (`faultproof.game`)."""
