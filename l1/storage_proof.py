"""What an answer of `eth_getProof` proves. Spec: EIP-1186."""

from collections.abc import Mapping
from typing import Any

from config.constants import EMPTY_TRIE_ROOT
from config.types import Address, Hash32, from_hex, short
from evm.trie import verify_proof
from evm.types import keccak256
from evm.types.rlp import as_bytes, as_list, decode


class OtherState(ValueError):
    """A proof that may hold, but in another state than the one asked for."""


def proven_value(state_root: Hash32, address: Address, slot: Hash32, answer: Mapping[str, Any]) -> Hash32:
    """The value of a slot, as the proofs show it; zero where they show that there is none, or no such account.

    Raises OtherState when they begin at another root, else ValueError, KeyError or TypeError when they do not show it. What
    else the answer says is not looked at.
    """
    nodes = [from_hex(node) for node in answer["accountProof"]]
    if nodes and keccak256(nodes[0]) != state_root:
        raise OtherState(f"the proof begins at the state root {short(keccak256(nodes[0]))}, not {short(state_root)}")
    account = verify_proof(state_root, keccak256(address), nodes)
    root = (
        EMPTY_TRIE_ROOT if account is None else as_bytes(as_list(decode(account), "account", 4)[2], "storage root", 32)
    )
    (shown,) = answer["storageProof"]
    value = verify_proof(Hash32(root), keccak256(slot), [from_hex(node) for node in shown["proof"]])
    if value is None:
        return Hash32(bytes(32))
    return Hash32(as_bytes(decode(value), "storage value").rjust(32, b"\x00"))
