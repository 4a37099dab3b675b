"""The dev L1: a plain Ethereum chain on `evm/` with slots, blobs, a beacon API, reorgs and missed slots on demand.

It has one block producer and no consensus: what it gives is an L1 that rollup software cannot tell from a real one by
its data, on a laptop, with buttons for bad weather.
"""
