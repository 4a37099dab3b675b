"""What anvil does differently from other L1 nodes, as far as block verification is concerned.

anvil 1.7.1 computes a block's transactions root over type-3 transactions with their sidecars, where the protocol hashes
them without. The root still commits to every transaction, so it can be checked: over the bytes anvil hashed.
"""

from collections.abc import Sequence

from config.types import Hash32, from_hex, to_hex
from evm.trie import ordered_root
from evm.types import BlobTransaction, Transaction
from l1.rpc import RpcCaller, RpcError
from l1.sidecar import SidecarError, decode_network_transaction


async def is_anvil(rpc: RpcCaller) -> bool:
    """Whether the endpoint says that it is anvil. Raises TemporaryError."""
    try:
        version = await rpc.call("web3_clientVersion")
    except RpcError:
        return False
    return isinstance(version, str) and version.lower().startswith("anvil/")


async def transactions_root_with_sidecars(rpc: RpcCaller, transactions: Sequence[Transaction]) -> Hash32 | None:
    """The transactions root as anvil computes it for a block of these transactions.

    Asks for the sidecar of each blob transaction and checks that it is its own. None when the block has no blob
    transaction or a sidecar cannot be had: then there is nothing that anvil does differently. Raises TemporaryError.
    """
    if not any(isinstance(tx, BlobTransaction) for tx in transactions):
        return None
    items = []
    for tx in transactions:
        if isinstance(tx, BlobTransaction):
            try:
                raw = from_hex(await rpc.call("eth_getRawTransactionByHash", [to_hex(tx.hash)]))
                inner, _ = decode_network_transaction(raw)
            except (RpcError, SidecarError, ValueError, TypeError):
                return None
            if inner != tx:
                return None
            items.append(raw)
        else:
            items.append(tx.raw)
    return ordered_root(items)
