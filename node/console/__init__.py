"""A Python console over a node's JSON-RPC: `lamina attach`."""
