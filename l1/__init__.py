"""The client side of L1: verified data in, transactions out. Nothing here needs an L1 node to be trusted.

Doors:

- `l1.rpc.JsonRpcClient`: JSON-RPC over HTTP; `l1.retry` for bounded retries.
- `l1.source.L1Client`: headers, blocks and receipts of one endpoint, checked against the block hash.
- `l1.endpoints.L1Endpoints`: the same from several, which vote on what is canonical.
- `l1.prefetch.PrefetchingL1`: ahead of its caller.
- `l1.beacon.BeaconClient`: blobs from beacon nodes, archives, `l1.blob_archive` and `l1.blob_directory`, checked too.
- `l1.health.EndpointHealth`: how an endpoint fares, for the order of asking and for operators.
- `l1.kzg.KzgWorker`: commitments, proofs and sidecars in a process of its own; `l1.sidecar` holds their wire form.
- `l1.txmgr.TxManager`: gets transactions of one account onto L1 (`TxCandidate` in, `TransactionReceipt` out).
- `l1.contracts`: typed bindings of the contracts that roles use; `l1.withdrawal` for withdrawals.
- `l1.deployment`: deploys the contracts; `l1.deployment_sender` runs that through the transaction manager.

Import the modules, not this package: it loads none of them, so that a role pays only for what it uses.
"""
