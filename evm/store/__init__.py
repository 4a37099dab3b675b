"""Where the execution layer keeps things: a key-value store and, in it, the state of every block.

Doors: `evm.store.kv` (KeyValueStore, WriteBatch, LevelDbStore, MemoryStore) and `evm.store.state` (StateStore,
StateReader, StateDiff, StateUpdate, Account).

Key space: every key that begins with `s` belongs to the state (`sn` + hash: trie node, `sc` + hash: contract code).
All other first bytes are free for the store's other users.
"""
