"""What nobody should send, over HTTP and WebSocket: each gets geth's code and words, and the chain goes on untouched."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest
from aiohttp import ClientSession, WSMsgType

from config.types import Address, Hash32, from_hex, to_address, to_hex
from evm.types import (
    BlobTransaction,
    DepositTransaction,
    DynamicFeeTransaction,
    LegacyTransaction,
    SetCodeTransaction,
    SignedTransaction,
)
from evm.types.rlp import encode
from evm.types.signature import SECP256K1_ORDER, address_of
from evm.types.transaction import Authorization, sign_transaction
from tests.e2e.running_devnet import RpcFailure, RunningDevnet, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

GWEI = 10**9
ETHER = 10**18
FRESH = Address(b"\xbb" * 20)
SERVER_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, PARSE_ERROR = -32000, -32600, -32601, -32602, -32700

Answer = Any
Ask = Callable[[bytes], Answer]


# --- the two transports ---


def _over_http(devnet: RunningDevnet, body: bytes) -> Answer:
    request = urllib.request.Request(devnet.l2_url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def _over_websocket(devnet: RunningDevnet, body: bytes) -> Answer:
    async def ask() -> Answer:
        async with ClientSession() as http, http.ws_connect(devnet.info["l2"]["ws"]) as socket:
            await socket.send_bytes(body)
            return json.loads((await socket.receive(timeout=30)).data)

    return asyncio.run(ask())


@pytest.fixture(params=["http", "websocket"])
def ask(request: pytest.FixtureRequest, devnet: RunningDevnet) -> Ask:
    """Send bytes as they are, answer what comes back, parsed."""
    way = _over_http if request.param == "http" else _over_websocket
    return lambda body: way(devnet, body)


@pytest.fixture(autouse=True, scope="module")
def makes_blocks(devnet: RunningDevnet) -> Iterator[None]:
    """After all of it the sequencer makes blocks, and the verifier derives them alike."""
    yield
    before = int(devnet.l2("eth_blockNumber"), 16)
    wait_until("the sequencer makes blocks", lambda: int(devnet.l2("eth_blockNumber"), 16) > before)

    def derived() -> bool:
        return int(devnet.verifier("eth_getBlockByNumber", "safe", False)["number"], 16) >= before

    wait_until("the verifier derives them", derived)
    ours, theirs = (ask("eth_getBlockByNumber", hex(before), False)["hash"] for ask in (devnet.l2, devnet.verifier))
    assert ours == theirs


@pytest.fixture(autouse=True)
def healthy(devnet: RunningDevnet) -> Iterator[None]:
    """After each test the sequencer is healthy."""
    yield
    with urllib.request.urlopen(f"{devnet.l2_url}/healthz", timeout=30) as response:
        assert json.load(response)["healthy"] is True


def _call(method: str, *params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}).encode()


# --- requests ---


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (b'{"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"', PARSE_ERROR, "parse error"),
        (b"\x00\xff\xfe not JSON", PARSE_ERROR, "parse error"),
        (b"", PARSE_ERROR, "parse error"),
        (b"[" * 100_000, PARSE_ERROR, "parse error"),
        (b"[" * 50_000 + b"]" * 50_000, PARSE_ERROR, "parse error"),
        (b"[]", INVALID_REQUEST, "empty batch"),
        (b"17", INVALID_REQUEST, "invalid request"),
        (b'{"jsonrpc": "2.0", "id": 1}', INVALID_REQUEST, "invalid request"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 5, "params": []}', INVALID_REQUEST, "invalid request"),
        (_call("eth_noSuchThing"), METHOD_NOT_FOUND, "the method eth_noSuchThing does not exist/is not available"),
        (_call("admin_stopSequencer"), METHOD_NOT_FOUND, "does not exist/is not available"),
        (_call("eth_getBalance"), INVALID_PARAMS, "missing value for required argument 0"),
        (_call("eth_getBalance", "0x12", "latest"), INVALID_PARAMS, "invalid argument 0"),
        (_call("eth_getBlockByNumber", "0x01", False), INVALID_PARAMS, "leading zero"),
        (_call("eth_getBlockByNumber", "0x1", False, 3), INVALID_PARAMS, "too many arguments, want at most 2"),
        (_call("eth_sendRawTransaction", "f86c"), INVALID_PARAMS, "0x prefix"),
        (_call("eth_sendRawTransaction", "0xf86"), INVALID_PARAMS, "odd length"),
    ],
)
def test_a_malformed_request_gets_the_code_and_words_of_geth(ask: Ask, body: bytes, code: int, words: str) -> None:
    answer = ask(body)
    assert answer["error"]["code"] == code
    assert words in answer["error"]["message"].lower() or words in answer["error"]["message"]


def test_a_bad_request_in_a_batch_leaves_the_others_their_answers(ask: Ask) -> None:
    answers = ask(b'[{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}, 5, {"jsonrpc":"2.0","id":2,"method":"no_such"}]')
    by_id = {answer.get("id"): answer for answer in answers}
    assert by_id[1]["result"] == hex(901)
    assert by_id[2]["error"]["code"] == METHOD_NOT_FOUND
    assert by_id[None]["error"]["code"] == INVALID_REQUEST


def test_a_batch_of_too_many_calls_is_refused_whole(ask: Ask) -> None:
    answer = ask(b"[" + b",".join([_call("eth_chainId")] * 1_001) + b"]")
    first = answer[0] if isinstance(answer, list) else answer
    assert first["error"]["code"] == INVALID_REQUEST
    assert "batch too large" in first["error"]["message"]


def test_a_body_over_five_megabytes_is_refused_over_http(devnet: RunningDevnet) -> None:
    body = _call("eth_sendRawTransaction", "0x" + "00" * (3 * 1024 * 1024))
    request = urllib.request.Request(devnet.l2_url, body, {"Content-Type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    assert refused.value.code == 413
    assert b"larger than 5242880 bytes" in refused.value.read()


async def test_a_message_over_five_megabytes_closes_its_websocket_and_no_other(devnet: RunningDevnet) -> None:
    async with ClientSession() as http, http.ws_connect(devnet.info["l2"]["ws"]) as bystander:
        async with http.ws_connect(devnet.info["l2"]["ws"]) as socket:
            # The server closes as soon as it has seen the length: the rest may find nobody who reads it.
            with suppress(ConnectionError):
                await socket.send_bytes(_call("eth_sendRawTransaction", "0x" + "00" * (3 * 1024 * 1024)))
            message = await socket.receive(timeout=30)
            assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR)
        await bystander.send_bytes(_call("eth_chainId"))
        assert json.loads((await bystander.receive(timeout=30)).data)["result"] == hex(901)


# --- transactions ---


@dataclass
class Sender:
    """An account whose transactions the tests send."""

    devnet: RunningDevnet
    key: bytes

    @property
    def address(self) -> Address:
        """The account."""
        return address_of(self.key)

    @property
    def nonce(self) -> int:
        """The next nonce, pending ones counted."""
        return int(self.devnet.l2("eth_getTransactionCount", to_hex(self.address), "pending"), 16)

    def transfer(self, nonce: int | None = None, **changes: Any) -> SignedTransaction:
        """A valid transfer of one wei with some fields changed."""
        unsigned = DynamicFeeTransaction(
            nonce=self.nonce if nonce is None else nonce,
            gas_limit=21_000,
            to=FRESH,
            value=1,
            data=b"",
            chain_id=901,
            y_parity=0,
            r=0,
            s=0,
            max_priority_fee=GWEI,
            max_fee=20 * GWEI,
        )
        return sign_transaction(replace(unsigned, **changes), self.key)

    def waits_for(self, transaction: SignedTransaction) -> None:
        """Wait until a transaction is executed."""
        wait_until(
            "the transaction is in a block",
            lambda: self.devnet.l2("eth_getTransactionReceipt", to_hex(transaction.hash)) is not None,
            30,
        )


@pytest.fixture
def sender(devnet: RunningDevnet) -> Sender:
    """A funded account."""
    return Sender(devnet, from_hex(devnet.key(0)))


def _refused(ask: Ask, raw: bytes) -> tuple[int, str]:
    answer = ask(_call("eth_sendRawTransaction", to_hex(raw)))
    assert "error" in answer, f"was accepted: {answer}"
    return answer["error"]["code"], answer["error"]["message"]


def _nested(levels: int) -> bytes:
    """A list in a list in a list ..., every length right."""
    item = b"\xc0"
    lengths = []
    size = 1
    for _ in range(levels):
        head = bytes((0xC0 + size,)) if size < 56 else _long_head(size)
        lengths.append(head)
        size += len(head)
    return b"".join(reversed(lengths)) + item


def _long_head(size: int) -> bytes:
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0xF7 + len(length),)) + length


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "typed transaction too short"),
        (b"\x02", "typed transaction too short"),
        (b"\x02\xc0", "rlp"),
        (b"\xf8\x6c\x80", "rlp"),
        (b"\xc0", "rlp"),
        (b"\x02" + encode([b"\x01"] * 11), "rlp"),
        (b"\x05" + encode([b"\x01"] * 12), "transaction type not supported"),
        (b"\x7f\x00", "transaction type not supported"),
        (_nested(30_000), "nest"),
        (b"\x02" + _nested(30_000), "nest"),
        (b"\xc1" * 100_000, "rlp"),
    ],
    ids=lambda value: None if isinstance(value, str) else f"{len(value)}-bytes-{value[:3].hex()}",
)
def test_bytes_that_are_no_transaction_are_refused_with_what_is_wrong(ask: Ask, raw: bytes, words: str) -> None:
    code, message = _refused(ask, raw)
    assert code == SERVER_ERROR
    assert words in message
    assert len(message) < 500


def _with_high_s(transaction: SignedTransaction) -> SignedTransaction:
    return replace(transaction, s=SECP256K1_ORDER - transaction.s, y_parity=1 - transaction.y_parity)


def _set_code(sender: Sender, **changes: Any) -> SignedTransaction:
    values: dict[str, Any] = {
        "nonce": sender.nonce,
        "gas_limit": 100_000,
        "to": FRESH,
        "value": 0,
        "data": b"",
        "chain_id": 901,
        "y_parity": 0,
        "r": 0,
        "s": 0,
        "max_priority_fee": GWEI,
        "max_fee": 20 * GWEI,
        "authorizations": (Authorization.sign(sender.key, 901, FRESH, 0),),
    }
    return sign_transaction(SetCodeTransaction(**{**values, **changes}), sender.key)


INVALID: list[tuple[str, Callable[[Sender], SignedTransaction], str]] = [
    ("wrong chain id", lambda sender: sender.transfer(chain_id=1), "invalid chain id for signer"),
    ("no chain id", lambda sender: _legacy(sender, None), "only replay-protected (EIP-155) transactions allowed"),
    ("legacy, wrong chain id", lambda sender: _legacy(sender, 5), "invalid chain id for signer"),
    ("no tip", lambda sender: sender.transfer(max_priority_fee=0), "transaction underpriced"),
    (
        "tip above the fee",
        lambda sender: sender.transfer(max_priority_fee=30 * GWEI),
        "max priority fee per gas higher than max fee per gas",
    ),
    ("used nonce", lambda sender: sender.transfer(nonce=0), "nonce too low"),
    ("largest nonce", lambda sender: sender.transfer(nonce=2**64 - 1), "nonce has max value"),
    ("gas under intrinsic", lambda sender: sender.transfer(gas_limit=20_999), "intrinsic gas too low"),
    (
        "gas under the floor",
        lambda sender: sender.transfer(data=b"\x01" * 1_000, gas_limit=21_000 + 16_000 + 100),
        "insufficient gas for floor data gas cost",
    ),
    (
        "gas over the block's",
        lambda sender: sender.transfer(gas_limit=60_000_001, max_fee=2 * GWEI),
        "exceeds block gas limit",
    ),
    (
        "fee over the cap",
        lambda sender: sender.transfer(gas_limit=10**7, max_fee=200 * GWEI),
        "exceeds the configured cap",
    ),
    ("too many bytes", lambda sender: sender.transfer(data=bytes(140_000), gas_limit=10**7), "oversized data"),
    (
        "too much init code",
        lambda sender: sender.transfer(to=None, data=bytes(49_153), gas_limit=10**7),
        "max initcode size exceeded",
    ),
    (
        "more than there is",
        lambda sender: sender.transfer(value=20_000 * ETHER),
        "insufficient funds for gas * price + value",
    ),
    ("high s", lambda sender: _with_high_s(sender.transfer()), "invalid sender"),
    ("no signature", lambda sender: replace(sender.transfer(), r=0, s=0), "invalid sender"),
    (
        "no authorization",
        lambda sender: _set_code(sender, authorizations=()),
        "EIP-7702 transaction with empty auth list",
    ),
    ("blobs", lambda sender: _blob(sender), "transaction type not supported"),
]


def _legacy(sender: Sender, chain_id: int | None) -> SignedTransaction:
    unsigned = LegacyTransaction(
        nonce=sender.nonce,
        gas_limit=21_000,
        to=FRESH,
        value=1,
        data=b"",
        chain_id=chain_id,
        y_parity=0,
        r=0,
        s=0,
        gas_price=20 * GWEI,
    )
    return sign_transaction(unsigned, sender.key)


def _blob(sender: Sender) -> SignedTransaction:
    unsigned = BlobTransaction(
        nonce=sender.nonce,
        gas_limit=21_000,
        to=FRESH,
        value=0,
        data=b"",
        chain_id=901,
        y_parity=0,
        r=0,
        s=0,
        max_priority_fee=GWEI,
        max_fee=20 * GWEI,
        max_fee_per_blob_gas=GWEI,
        versioned_hashes=(Hash32(b"\x01" + bytes(31)),),
    )
    return sign_transaction(unsigned, sender.key)


@pytest.mark.parametrize(("make", "words"), [case[1:] for case in INVALID], ids=[case[0] for case in INVALID])
def test_an_invalid_transaction_is_refused_in_the_words_of_geth(
    ask: Ask, sender: Sender, make: Callable[[Sender], SignedTransaction], words: str
) -> None:
    if sender.nonce == 0:
        first = sender.transfer()
        sender.devnet.l2("eth_sendRawTransaction", to_hex(first.raw))
        sender.waits_for(first)
    before = sender.nonce
    code, message = _refused(ask, make(sender).raw)
    assert code == SERVER_ERROR
    assert words in message
    assert sender.nonce == before


def test_a_deposit_is_not_taken_over_rpc(ask: Ask, sender: Sender) -> None:
    deposit = DepositTransaction(
        nonce=0,
        gas_limit=21_000,
        to=FRESH,
        value=ETHER,
        data=b"",
        source_hash=Hash32(bytes(32)),
        sender=sender.address,
        mint=ETHER,
        is_system_transaction=False,
    )
    assert _refused(ask, deposit.raw) == (SERVER_ERROR, "transaction type not supported")


def test_a_set_code_transaction_cannot_create(ask: Ask, sender: Sender) -> None:
    code, message = _refused(ask, _set_code(sender, to=None).raw)
    assert code == SERVER_ERROR
    assert "rlp" in message or "cannot be used to create" in message


def test_funds_must_cover_the_l1_fee_too(ask: Ask, sender: Sender) -> None:
    poor = Sender(sender.devnet, b"\x55" * 32)
    exact = 21_000 * 20 * GWEI + 1
    if int(sender.devnet.l2("eth_getBalance", to_hex(poor.address), "latest"), 16) == 0:
        funding = sender.transfer(to=poor.address, value=exact)
        sender.devnet.l2("eth_sendRawTransaction", to_hex(funding.raw))
        sender.waits_for(funding)
    code, message = _refused(ask, poor.transfer(nonce=0).raw)
    assert code == SERVER_ERROR
    assert message.startswith("insufficient funds for gas * price + value")
    assert f"balance {exact}" in message


def test_a_transaction_sent_twice_and_one_that_does_not_pay_enough_to_replace_it_are_refused(
    ask: Ask, sender: Sender
) -> None:
    # Behind a nonce gap, so that no block takes the transaction away meanwhile.
    nonce = sender.nonce + 1
    waiting = sender.transfer(nonce=nonce)
    assert ask(_call("eth_sendRawTransaction", to_hex(waiting.raw)))["result"] == to_hex(waiting.hash)
    assert _refused(ask, waiting.raw) == (SERVER_ERROR, "already known")
    code, message = _refused(ask, sender.transfer(nonce=nonce, max_fee=21 * GWEI, value=2).raw)
    assert code == SERVER_ERROR
    assert message.startswith("replacement transaction underpriced")
    better = sender.transfer(nonce=nonce, max_fee=22 * GWEI, max_priority_fee=2 * GWEI, value=3)
    assert ask(_call("eth_sendRawTransaction", to_hex(better.raw)))["result"] == to_hex(better.hash)
    ask(_call("eth_sendRawTransaction", to_hex(sender.transfer(nonce=nonce - 1).raw)))
    sender.waits_for(better)
    assert sender.devnet.l2("eth_getTransactionReceipt", to_hex(waiting.hash)) is None


def test_transactions_behind_a_nonce_gap_wait_and_run_in_order_once_it_closes(ask: Ask, sender: Sender) -> None:
    start = sender.nonce
    late = [sender.transfer(nonce=start + offset) for offset in (3, 1, 2)]
    for transaction in late:
        assert ask(_call("eth_sendRawTransaction", to_hex(transaction.raw)))["result"] == to_hex(transaction.hash)
    queued = sender.devnet.l2("txpool_contentFrom", to_hex(sender.address))["queued"]
    assert sorted(queued, key=int) == [str(start + offset) for offset in (1, 2, 3)]
    assert sender.nonce == start
    ask(_call("eth_sendRawTransaction", to_hex(sender.transfer(nonce=start).raw)))
    for transaction in late:
        sender.waits_for(transaction)
        receipt = sender.devnet.l2("eth_getTransactionReceipt", to_hex(transaction.hash))
        assert receipt["status"] == "0x1"


def test_a_flood_of_rubbish_costs_no_valid_transaction(devnet: RunningDevnet, ask: Ask) -> None:
    sender = Sender(devnet, from_hex(devnet.key(1)))
    start = sender.nonce
    rubbish = count(1)
    valid = [sender.transfer(nonce=start + offset) for offset in range(20)]
    for transaction in valid:
        for _ in range(5):
            _refused(ask, b"\x02" + encode([next(rubbish).to_bytes(4, "big")]))
        batch = b"[" + b",".join([_call("eth_sendRawTransaction", to_hex(transaction.raw)), b'{"x":1}']) + b"]"
        assert to_hex(transaction.hash) in [answer.get("result") for answer in ask(batch)]
    for transaction in valid:
        sender.waits_for(transaction)


def test_a_verifier_passes_the_sequencers_refusal_on(devnet: RunningDevnet, sender: Sender) -> None:
    with pytest.raises(RpcFailure) as refused:
        devnet.verifier("eth_sendRawTransaction", to_hex(sender.transfer(value=20_000 * ETHER).raw))
    assert refused.value.error["code"] == SERVER_ERROR
    assert refused.value.error["message"].startswith("insufficient funds for gas * price + value")
    assert to_address(devnet.info["accounts"][0]["address"]) == sender.address


NEVER_ENDS = bytes.fromhex("5b5f56")
"""Code that jumps back to its start until the gas is used up."""


def test_calls_that_never_end_are_cut_off_while_others_are_answered_and_blocks_made(devnet: RunningDevnet) -> None:
    endless = _call("eth_call", {"data": to_hex(NEVER_ENDS), "gas": hex(2**48)}, "latest")
    before = int(devnet.l2("eth_blockNumber"), 16)
    with ThreadPoolExecutor(10) as callers:
        running = [callers.submit(_over_http, devnet, endless) for _ in range(10)]
        assert devnet.l2("eth_chainId") == hex(901)
        assert not any(call.done() for call in running), "the endless calls had ended before another was answered"
        answers = [call.result() for call in running]
    assert {answer["error"]["message"] for answer in answers} == {"execution aborted (timeout = 5s)"}
    assert int(devnet.l2("eth_blockNumber"), 16) > before


def test_a_transaction_that_burns_its_gas_is_paid_for_and_holds_up_nobody(sender: Sender) -> None:
    burns = sender.transfer(to=None, value=0, data=NEVER_ENDS, gas_limit=10_000_000)
    plain = Sender(sender.devnet, from_hex(sender.devnet.key(2))).transfer()
    for transaction in (burns, plain):
        sender.devnet.l2("eth_sendRawTransaction", to_hex(transaction.raw))
    sender.waits_for(burns)
    receipt = sender.devnet.l2("eth_getTransactionReceipt", to_hex(burns.hash))
    assert (receipt["status"], receipt["gasUsed"]) == ("0x0", hex(10_000_000))
    sender.waits_for(plain)
