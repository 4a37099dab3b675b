"""`eth_` methods that read the state: balances, code, storage, nonces, proofs."""

from typing import Any

from config.constants import EMPTY_KECCAK, EMPTY_TRIE_ROOT
from config.types import to_hex
from evm.simulation import Fault
from evm.store.state import AccountProof
from node.mempool import TransactionPool
from node.rpc.blocks import BlockFinder
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.errors import RpcError, invalid_params, server_error
from node.rpc.params import (
    LATEST,
    AddressParam,
    BlockParam,
    ListParam,
    ObjectParam,
    TextParam,
    parse_address,
    parse_hash,
    parse_list,
    parse_storage_key,
)

MAX_PROOF_KEYS = 1024
"""Storage keys in one `eth_getProof`, as in geth."""
MAX_STORAGE_SLOTS = 1024
"""Slots in one `eth_getStorageValues`, as in geth."""


class EthState(Namespace):
    """State as of a block. Spec: Ethereum execution APIs, "eth/state"."""

    name = "eth"

    def __init__(self, blocks: BlockFinder, pool: TransactionPool) -> None:
        self._blocks = blocks
        self._pool = pool

    @rpc_method("getBalance")
    def get_balance(self, address: AddressParam, block: BlockParam = LATEST) -> str:
        """Wei."""
        account = self._blocks.state(block)[0].account(address)
        return hex(0 if account is None else account.balance)

    @rpc_method("getCode")
    def get_code(self, address: AddressParam, block: BlockParam = LATEST) -> str:
        """The account's code; `0x` for none."""
        return to_hex(self._blocks.state(block)[0].code_at(address))

    @rpc_method("getStorageAt")
    def get_storage_at(self, address: AddressParam, slot: TextParam, block: BlockParam = LATEST) -> str:
        """A storage slot, 32 bytes."""
        key = _storage_key(slot)
        return to_hex(self._blocks.state(block)[0].storage(address, key).to_bytes(32, "big"))

    @rpc_method("getStorageValues")
    def get_storage_values(self, slots: ObjectParam, block: BlockParam = LATEST) -> dict[str, list[str]]:
        """Storage slots of several accounts: from lists of slots by address to lists of values. At most 1,024 slots."""
        wanted, total = {}, 0
        for name, keys in slots.items():
            try:
                address, listed = parse_address(name), [int.from_bytes(parse_hash(key), "big") for key in parse_list(keys)]
            except ValueError as error:
                raise invalid_params(f"invalid argument 0: {error}") from error
            total += len(listed)
            if total > MAX_STORAGE_SLOTS:
                raise RpcError(Fault.LIMIT_EXCEEDED, f"too many slots (max {MAX_STORAGE_SLOTS})")
            wanted[address] = listed
        if not total:
            raise invalid_params("empty request")
        state = self._blocks.state(block)[0]
        return {
            to_hex(address): [to_hex(state.storage(address, key).to_bytes(32, "big")) for key in keys]
            for address, keys in wanted.items()
        }

    @rpc_method("getTransactionCount")
    def get_transaction_count(self, address: AddressParam, block: BlockParam = LATEST) -> str:
        """The nonce; for "pending", the one after the account's executable transactions in the pool."""
        if block.is_pending:
            return hex(self._pool.next_nonce(address))
        account = self._blocks.state(block)[0].account(address)
        return hex(0 if account is None else account.nonce)

    @rpc_method("getProof")
    def get_proof(self, address: AddressParam, keys: ListParam, block: BlockParam = LATEST) -> dict[str, Any]:
        """Merkle proof of an account and storage slots. Spec: EIP-1186."""
        if len(keys) > MAX_PROOF_KEYS:
            raise invalid_params(f"too many keys (got {len(keys)}, max {MAX_PROOF_KEYS})")
        slots = [_storage_key(key) for key in keys]
        proof = self._blocks.state(block)[0].prove(address, slots)
        return proof_to_json(proof, keys)


def proof_to_json(proof: AccountProof, keys: list[str]) -> dict[str, Any]:
    """The answer of `eth_getProof`. A key given as 32 bytes is repeated like that, a shorter one as a number."""
    account = proof.account
    return {
        "address": to_hex(proof.address),
        "accountProof": [to_hex(node) for node in proof.account_proof],
        "balance": hex(0 if account is None else account.balance),
        "codeHash": to_hex(EMPTY_KECCAK if account is None else account.code_hash),
        "nonce": hex(0 if account is None else account.nonce),
        "storageHash": to_hex(EMPTY_TRIE_ROOT if account is None else account.storage_root),
        "storageProof": [
            {
                "key": to_hex(entry.slot.to_bytes(32, "big")) if len(key) == 66 else hex(entry.slot),
                "value": hex(entry.value),
                "proof": [to_hex(node) for node in entry.proof],
            }
            for key, entry in zip(keys, proof.storage_proofs, strict=True)
        ],
    }


def _storage_key(text: Any) -> int:
    try:
        return parse_storage_key(text)
    except ValueError as error:
        raise server_error(str(error)) from error
