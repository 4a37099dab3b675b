"""Posts L2 blocks to L1: channels, compression, blobs, and the loop that sends them."""
