"""Unsafe blocks over libp2p, as op-nodes exchange them: gossip, and requests for single payloads.

libp2p runs in a process of its own (`process.py`), which only transports; it and the node talk in `frames.py`. Gossipsub itself
(`gossipsub.py`, `score.py`, `message_cache.py`, `pubsub_wire.py`) is ours and pure. Nothing but `process.py` and `host.py`
imports libp2p, which is an optional part of the installation.
"""
