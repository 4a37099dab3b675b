"""Transaction, RLP and trie tests: small suites, one function each."""

from collections.abc import Mapping, Sequence
from typing import Any

from config.constants import EMPTY_TRIE_ROOT
from config.forks import EthFork
from config.types import from_hex, to_hex
from evm.forks import fork_rules
from evm.forks.names import FORKS_BY_NAME
from evm.trie import Trie
from evm.types import Hash32, decode_transaction, keccak256
from evm.types.rlp import RlpError, RlpInput, decode, encode, int_to_rlp
from evm.types.transaction import DepositTransaction, TransactionDecodingError
from evm.validity import (
    BlockFees,
    InvalidTransaction,
    SenderFacts,
    intrinsic_gas,
    validate_against_state,
    validate_stateless,
)

_CHAIN_ID = 1
_RICHEST = (1 << 256) - 1


def is_transaction_test(body: Mapping[str, Any]) -> bool:
    """Whether an entry of a test file is a transaction test."""
    return {"txbytes", "result"} <= body.keys()


def transaction_forks(body: Mapping[str, Any], only: EthFork | None = None) -> list[str]:
    """The forks of a transaction test whose rules can be asked here; with `only`, that one if the test has it."""
    return [
        name for name in body["result"] if name in FORKS_BY_NAME and (only is None or FORKS_BY_NAME[name].rules == only)
    ]


def run_transaction_test(body: Mapping[str, Any], fork_name: str) -> str:
    """What is wrong with our judgement of the transaction on this fork; empty when it is right.

    A valid one must have the hash, sender and intrinsic gas that the test gives. The sender can pay any price of gas
    that fits 256 bits, so that what is refused is so for the transaction's own sake.
    """
    expected = body["result"][fork_name]
    rules = fork_rules(FORKS_BY_NAME[fork_name].rules)
    try:
        transaction = decode_transaction(from_hex(body["txbytes"]))
        if isinstance(transaction, DepositTransaction):
            raise TransactionDecodingError("deposits are no transactions of Ethereum")
        sender = validate_stateless(transaction, rules, _CHAIN_ID)
        facts = SenderFacts(nonce=transaction.nonce, balance=_RICHEST + transaction.value, code=b"")
        validate_against_state(transaction, facts, BlockFees(base_fee=0))
    except (TransactionDecodingError, InvalidTransaction) as error:
        return "" if "exception" in expected else f"refused ({error}), but it is valid"
    if "exception" in expected:
        return f"accepted, but should have been refused: {expected['exception']}"
    for what, ours, theirs in (
        ("hash", to_hex(transaction.hash), expected["hash"]),
        ("sender", to_hex(sender), expected["sender"]),
        ("intrinsic gas", intrinsic_gas(transaction, rules), int(expected["intrinsicGas"], 16)),
    ):
        if ours != theirs:
            return f"{what} is {ours}, expected {theirs}"
    return ""


def is_rlp_test(body: Mapping[str, Any]) -> bool:
    """Whether an entry of a test file is an RLP test."""
    return {"in", "out"} == body.keys()


def run_rlp_test(body: Mapping[str, Any]) -> str:
    """What is wrong with our RLP here; empty when it is right. `in` is a value, or says VALID or INVALID of `out`."""
    value, text = body["in"], body["out"]
    raw = bytes.fromhex(text.removeprefix("0x"))
    try:
        decoded = decode(raw)
    except RlpError as error:
        return "" if value == "INVALID" else f"refused ({error}), but it is valid"
    if value == "INVALID":
        return "accepted, but it is malformed"
    if encode(decoded) != raw:
        return f"decodes, but encodes again as {to_hex(encode(decoded))}"
    if value == "VALID":
        return ""
    ours = encode(_rlp_value(value))
    return "" if ours == raw else f"the value encodes as {to_hex(ours)}, expected {to_hex(raw)}"


def _rlp_value(value: Any) -> RlpInput:
    if isinstance(value, list):
        return [_rlp_value(item) for item in value]
    if isinstance(value, int):
        return int_to_rlp(value)
    if value.startswith("#"):
        return int_to_rlp(int(value[1:]))
    return bytes(value.encode())


def is_trie_test(body: Mapping[str, Any]) -> bool:
    """Whether an entry of a test file gives a trie's root."""
    return {"in", "root"} <= body.keys()


class _Nodes(dict[Hash32, bytes]):
    """The nodes of a test's trie, by hash."""


def run_trie_test(body: Mapping[str, Any], secure: bool) -> str:
    """What is wrong with our trie's root; empty when it is right. Entries are put in one after the other.

    `secure` tries hash their keys. The root must also come out when all that stays is put in at once.
    """
    entries = body["in"].items() if isinstance(body["in"], dict) else body["in"]
    pairs = [(_key(_trie_bytes(key), secure), _trie_bytes(value)) for key, value in entries]
    one_by_one = _root([{key: value or None} for key, value in pairs])
    at_once = _root([{key: value for key, value in dict(pairs).items() if value}])
    for how, root in (("one by one", one_by_one), ("at once", at_once)):
        if to_hex(root) != body["root"]:
            return f"built {how}, the root is {to_hex(root)}, expected {body['root']}"
    return ""


def _key(key: bytes, secure: bool) -> bytes:
    return keccak256(key) if secure else key


def _root(steps: Sequence[Mapping[bytes, bytes | None]]) -> Hash32:
    nodes = _Nodes()
    root = Hash32(EMPTY_TRIE_ROOT)
    for changes in steps:
        trie = Trie(root, nodes)
        trie.update(changes)
        root, made = trie.commit()
        nodes.update(made)
    return root


def _trie_bytes(text: str | None) -> bytes:
    if text is None:
        return b""
    return from_hex(text) if text.startswith("0x") else text.encode()
