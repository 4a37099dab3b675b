"""L1 data in, payload attributes out: pure stages without network, clock or globals.

Doors: `derivation.pipeline` (the pipeline), `derivation.providers` (what it reads), `derivation.types` (what it gives),
`derivation.events` (what it tells), `derivation.attributes` (payload attributes, for the sequencer too),
`derivation.l2_block_info` (origin and system configuration of an L2 block), `derivation.upgrades` (activation blocks),
`derivation.codec` (blobs, frames, channels and batches, both directions).
Spec: op derivation; op holocene derivation.
"""
