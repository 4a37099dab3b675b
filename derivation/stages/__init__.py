"""The stages of the derivation pipeline, outermost first: `l1_traversal`, `l1_retrieval`, `frame_queue`; then since
Holocene `channel_assembler`, before it `channel_bank`; `channel_reader`; then `batch_stage`, before Holocene `batch_queue`;
`attributes_stage`. `era` puts those that Holocene replaced together.

Each pulls from the one before through `next(...)`, which gives an item or a `Pull`. Data providers may raise
NotYetAvailable out of any `next`; a stage changes nothing before such a call succeeds, so pulling again continues.
"""
