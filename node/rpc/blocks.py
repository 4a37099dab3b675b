"""From a block as callers name it to the block that is meant."""

from collections.abc import Sequence

from config.types import to_hex
from evm.store.state import StateReader
from evm.types import Block, Header, Receipt
from node.chain import Chain, StatePruned
from node.rpc.errors import server_error
from node.rpc.params import BlockReference


class BlockFinder:
    """Resolves tags, numbers and hashes on one chain.

    "pending" means the head: the block under construction is nobody's business but the sequencer's.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    def header(self, reference: BlockReference) -> Header | None:
        """The header meant, or None when there is none. Raises RpcError when it had to be canonical and is not."""
        chain = self._chain
        if reference.hash is not None:
            header = chain.header_by_hash(reference.hash)
            if header is not None and reference.require_canonical and not chain.is_canonical(header):
                raise server_error(f"hash {to_hex(reference.hash)} is not currently canonical")
            return header
        if reference.number is not None:
            return chain.header_by_number(reference.number)
        match reference.tag:
            case "earliest":
                return chain.genesis
            case "safe":
                return chain.safe
            case "finalized":
                return chain.finalized
            case _:
                return chain.head

    def require_header(self, reference: BlockReference) -> Header:
        """Like `header`; raises RpcError "header not found" (or "header for hash not found") when there is none."""
        header = self.header(reference)
        if header is None:
            raise server_error("header not found" if reference.hash is None else "header for hash not found")
        return header

    def block(self, reference: BlockReference) -> Block | None:
        """The whole block meant, or None."""
        header = self.header(reference)
        return None if header is None else self._chain.block_by_hash(header.hash)

    def receipts(self, block: Block) -> Sequence[Receipt]:
        """A block's receipts. Raises RpcError when the node does not have them."""
        receipts = self._chain.receipts(block.hash)
        if receipts is None:
            raise server_error(f"receipts of {block} are not available")
        return receipts

    def state(self, reference: BlockReference) -> tuple[StateReader, Header]:
        """The state after the block meant. Raises RpcError when there is no such block, or its state is gone."""
        header = self.require_header(reference)
        try:
            return self._chain.require_state(header), header
        except StatePruned as error:
            raise server_error(str(error)) from error
