"""A live page of the chain: heads, batches, games. It shows what RPC answers and nothing of its own."""
