"""The stages of the derivation pipeline, outermost first: `l1_traversal`, `l1_retrieval`, `frame_queue`,
`channel_assembler`, `channel_reader`, `batch_stage`, `attributes_stage`.

Each pulls from the one before through `next(...)`, which gives an item or a `Pull`. Data providers may raise
NotYetAvailable out of any `next`; a stage changes nothing before such a call succeeds, so pulling again continues.
"""
