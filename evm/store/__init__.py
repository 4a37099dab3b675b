"""Where the execution layer keeps things: a key-value store and, in it, the states of blocks.

Doors: `evm.store.kv` (KeyValueStore, WriteBatch, LevelDbStore, MemoryStore), `evm.store.state` (StateStore, StateReader,
StateDiff, StateUpdate, StateChanges, Account), `evm.store.history` (StateHistory: writes states and forgets old ones),
`evm.store.check` (StateCheck), `evm.store.memory` (CacheSizes).

Key space: every key that begins with `s` belongs to the state, see `evm.store.layout`. All other first bytes are free for
the store's other users.
"""
