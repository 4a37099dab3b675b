"""The execution layer: types, validity, fork rules on py-evm, state, block pipeline, genesis, fees.

Doors: `evm.types` (headers, transactions, receipts, blocks), `evm.engine` (execute a block), `evm.store` (state and
key-value store), `evm.genesis`, `evm.fees`. Nothing here does network input or output or reads a clock.
"""
