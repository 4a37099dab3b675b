"""Settles disagreements about output roots.

The game and its honest strategy (`faultproof.game`), the machine whose single steps a game comes down to (`faultproof.vm`), and
the preimages it reads (`faultproof.preimage`).
"""
