"""Watches transactions as they run and reports in the forms that geth's debug namespace made common.

Doors: `evm.tracing.trace` (a transaction of a block, a whole block, a call), `evm.tracing.tracers` (tracers by name),
`evm.tracing.tracer` (what a tracer is told). A trace runs on a state of its own and changes nothing.
"""
