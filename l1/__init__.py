"""The client side of L1: a verifying RPC client, a beacon blob client, a transaction manager, contract deployment."""
