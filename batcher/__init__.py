"""Puts L2 blocks on L1: batches in channels, channels in frames, frames in blobs or calldata, posted in order.

Doors: `batcher.service.BatcherService` (the whole role from endpoints and a key), `batcher.driver.BatchSubmitter` (the
posting loop over the protocols of `batcher.ports`), `batcher.channel_builder.ChannelBuilder` (pure).
"""
