"""What a withdrawal needs to read of L2, each answer checked against the block's hash."""

from dataclasses import dataclass
from typing import Any

from config.constants import EMPTY_TRIE_ROOT, L2_TO_L1_MESSAGE_PASSER
from config.errors import TemporaryError
from config.types import Hash32, from_hex, to_hex
from evm.trie.proof import verify_proof
from evm.types import Header, keccak256, rlp
from evm.types.json_codec import log_from_json, parse_quantity
from l1.rpc import JsonRpcClient, RpcError
from l1.source import L1BlockNotFound, L1Client
from l1.withdrawal import WithdrawalTransaction, withdrawals_in
from node.bridge.account import ask
from proposer.output_root import OUTPUT_VERSION_0, output_root_v0


@dataclass(frozen=True)
class FoundWithdrawal:
    """A withdrawal with the L2 transaction and block that hold it."""

    transaction: WithdrawalTransaction
    l2_transaction_hash: Hash32
    l2_block_number: int
    l2_timestamp: int


@dataclass(frozen=True)
class OutputProof:
    """An output root's parts and a withdrawal's storage proof under it, as the portal takes them."""

    root: Hash32
    parts: tuple[Hash32, Hash32, Hash32, Hash32]
    storage_proof: tuple[bytes, ...]


class L2View:
    """Reads L2 through one execution endpoint."""

    def __init__(self, rpc: JsonRpcClient) -> None:
        self.rpc = rpc
        self._client = L1Client(rpc)

    async def header(self, number: int) -> Header | None:
        """The canonical header, its hash recomputed; None when the endpoint has not come that far."""
        try:
            return await self._client.header_by_number(number)
        except L1BlockNotFound:
            return None

    async def receipt(self, transaction_hash: Hash32) -> dict[str, Any] | None:
        """The receipt object of an included transaction."""
        answer = await ask(self.rpc, "eth_getTransactionReceipt", [to_hex(transaction_hash)])
        return answer if isinstance(answer, dict) else None

    async def withdrawal(self, transaction_hash: Hash32, index: int = 0) -> FoundWithdrawal:
        """The withdrawal number `index` that an L2 transaction made.

        Raises ValueError when the transaction is not there, failed, or made no such withdrawal.
        """
        receipt = await self.receipt(transaction_hash)
        if receipt is None:
            raise ValueError(
                f"L2 has no transaction {to_hex(transaction_hash)} in a block: check the hash, or wait for its inclusion"
            )
        if parse_quantity(receipt["status"]) != 1:
            raise ValueError(f"L2 transaction {to_hex(transaction_hash)} failed: it withdrew nothing")
        found = withdrawals_in(log_from_json(entry) for entry in receipt["logs"])
        if index >= len(found):
            raise ValueError(
                f"L2 transaction {to_hex(transaction_hash)} made {len(found)} withdrawals; there is none of index {index}"
            )
        number = parse_quantity(receipt["blockNumber"])
        header = await self.header(number)
        if header is None:
            raise TemporaryError(f"{self.rpc.endpoint} knows the withdrawal's transaction, but not its block {number}")
        return FoundWithdrawal(found[index], transaction_hash, number, header.timestamp)

    async def output_root(self, number: int) -> Hash32 | None:
        """The output root of a block; None when the endpoint does not have the block.

        Spec: op proposals, "L2 Output Commitment Construction".
        """
        header = await self.header(number)
        if header is None:
            return None
        if header.withdrawals_root is not None and header.withdrawals_root != EMPTY_TRIE_ROOT:
            return output_root_v0(header.state_root, header.withdrawals_root, header.hash)
        return output_root_v0(header.state_root, (await self._storage(header, []))[0], header.hash)

    async def prove(self, withdrawal: WithdrawalTransaction, number: int) -> OutputProof:
        """Prove that a block's state holds a withdrawal; the proof has been checked when this returns.

        Raises TemporaryError when the endpoint gives no proof that holds. Spec: op withdrawals, "Withdrawal Flow".
        """
        header = await self.header(number)
        if header is None:
            raise TemporaryError(f"{self.rpc.endpoint} does not have L2 block {number} yet")
        root, proofs = await self._storage(header, [withdrawal.storage_key])
        try:
            value = verify_proof(root, keccak256(withdrawal.storage_key), proofs[0])
        except ValueError as error:
            raise TemporaryError(f"{self.rpc.endpoint} gave a storage proof that does not hold: {error}") from error
        if value != b"\x01":
            raise TemporaryError(f"L2 {header} does not hold the withdrawal {to_hex(withdrawal.hash)}")
        parts = (OUTPUT_VERSION_0, header.state_root, root, header.hash)
        root_hash = output_root_v0(header.state_root, root, header.hash)
        return OutputProof(root_hash, parts, tuple(_with_inlined_leaf(proofs[0], withdrawal.storage_key)))

    async def _storage(self, header: Header, slots: list[Hash32]) -> tuple[Hash32, list[list[bytes]]]:
        """The message passer's storage root in a block, proven, and proofs of slots under it."""
        parameters = [to_hex(L2_TO_L1_MESSAGE_PASSER), [to_hex(slot) for slot in slots], hex(header.number)]
        try:
            answer = await self.rpc.call("eth_getProof", parameters)
            account = verify_proof(
                header.state_root,
                keccak256(L2_TO_L1_MESSAGE_PASSER),
                [from_hex(node) for node in answer["accountProof"]],
            )
            proofs = [[from_hex(node) for node in entry["proof"]] for entry in answer["storageProof"]]
            if account is None:
                raise ValueError("the message passer has no account")
            fields = rlp.decode(account)
            root = fields[2]
            if not isinstance(root, bytes) or len(root) != 32 or len(proofs) != len(slots):
                raise ValueError("malformed account or missing storage proofs")
        except RpcError as error:
            raise TemporaryError(
                f"{self.rpc.endpoint} does not prove the state of L2 block {header.number} ({error.message}); "
                "an endpoint that keeps history is needed"
            ) from error
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise TemporaryError(f"{self.rpc.endpoint} gave a malformed proof for L2 {header}: {error}") from error
        return Hash32(root), proofs


def _with_inlined_leaf(proof: list[bytes], storage_key: Hash32) -> list[bytes]:
    """The proof as the portal reads it: a leaf short enough to stand inside its branch is a node of its own there."""
    last = rlp.decode(proof[-1])
    if not isinstance(last, list) or len(last) != 17:
        return proof
    path = keccak256(storage_key).hex()
    leaf = next((item for item in last[:16] if isinstance(item, list) and path.endswith(_leaf_path(item))), None)
    return proof if leaf is None else [*proof, rlp.encode(leaf)]


def _leaf_path(leaf: list[rlp.Rlp]) -> str:
    """A leaf's part of the key, in nibbles. Spec: Ethereum yellow paper, appendix C."""
    encoded = leaf[0]
    if not isinstance(encoded, bytes):
        raise ValueError("a leaf's path is a list")
    nibbles = encoded.hex()
    return nibbles[1:] if nibbles[0] == "3" else nibbles[2:]
