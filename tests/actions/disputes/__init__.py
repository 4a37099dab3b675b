"""The adversary kit: liars of every kind on a devnet with real contracts, against the real challenger.

`LAMINA_ADVERSARY=1` plays all of it at the depths of public chains; without it a fixed small sample is played.
"""
