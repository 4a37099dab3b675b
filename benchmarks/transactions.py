"""The transactions that benchmarks send: transfers of ETH, transfers of an ERC-20, and withdrawals over the bridge.

The ERC-20 is WETH as it stands at 0x4200...0006 on every rollup (`contracts/artifacts/WETH.json`): 2.2 kB of Solidity
with checked balances and events, so about what a token in use costs. A withdrawal goes through three contracts behind
proxies (bridge, messenger, message passer), which encode and hash a message and store it: what calling an application is like.
Several of them in one transaction go through Multicall3, as a router or a smart account makes its calls. All four together
make traffic that uses as much gas as that of OP Mainnet.
"""

from eth_abi.abi import encode

from config.constants import L2_STANDARD_BRIDGE, MULTICALL3_ADDRESS, WETH
from config.types import Address
from contracts.artifacts import load_artifact
from evm.types import DynamicFeeTransaction, SignedTransaction, keccak256
from evm.types.signature import address_of
from evm.types.transaction import sign_transaction

GWEI = 10**9
ETHER = 10**18
TIP = GWEI
MAX_FEE = 20 * GWEI
TRANSFER_GAS = 21_000
TOKEN_GAS = 80_000
"""Gas limit of token calls; a transfer to a new holder uses about 52,000."""

WITHDRAWAL_GAS = 200_000
"""Gas limit of a withdrawal, which uses about 120,000."""

_AT_ONCE = 7
"""Withdrawals of a transaction that makes several."""

_AT_ONCE_GAS = 900_000
"""Gas limit of that transaction, which uses about 580,000."""

_TRANSFERS, _TOKEN_TRANSFERS, _WITHDRAWALS = 0.09, 0.06, 0.42
"""Parts of the traffic of OP Mainnet; the rest are several withdrawals at once."""

_L1_GAS = 200_000
"""What a withdrawal asks for on L1."""

_BRIDGE = load_artifact("L2StandardBridge")
_DEPOSIT_CALL = load_artifact("WETH").encode_call("deposit")
_AGGREGATE_SELECTOR = keccak256(b"aggregate3Value((address,bool,uint256,bytes)[])")[:4]
_TRANSFER_SELECTOR = load_artifact("WETH").selector("transfer")


def account(name: str) -> tuple[Address, bytes]:
    """Address and private key of a made-up account, always the same for one name."""
    key = keccak256(f"benchmark account {name}".encode())
    return address_of(key), key


def fresh_address(seed: bytes) -> Address:
    """An address that nobody has used, always the same for one seed."""
    return Address(keccak256(b"benchmark target" + seed)[12:])


def signed(
    key: bytes, chain_id: int, nonce: int, to: Address, *, value: int = 0, data: bytes = b"", gas: int = TRANSFER_GAS
) -> SignedTransaction:
    """A type-2 transaction with a tip of 1 gwei. `value` in wei."""
    return sign_transaction(
        DynamicFeeTransaction(
            nonce=nonce,
            gas_limit=gas,
            to=to,
            value=value,
            data=data,
            chain_id=chain_id,
            y_parity=0,
            r=0,
            s=0,
            max_priority_fee=TIP,
            max_fee=MAX_FEE,
        ),
        key,
    )


def transfer(key: bytes, chain_id: int, nonce: int, to: Address, value: int = 1) -> bytes:
    """A transfer of `value` wei, in canonical bytes."""
    return signed(key, chain_id, nonce, to, value=value).raw


def token_deposit(key: bytes, chain_id: int, nonce: int, value: int = ETHER) -> bytes:
    """Turns `value` wei into as many tokens of the sender."""
    return signed(key, chain_id, nonce, WETH, value=value, data=_DEPOSIT_CALL, gas=TOKEN_GAS).raw


def token_transfer_data(to: Address, amount: int) -> bytes:
    """Calldata of an ERC-20 transfer."""
    return _TRANSFER_SELECTOR + bytes(12) + to + amount.to_bytes(32, "big")


def token_transfer(key: bytes, chain_id: int, nonce: int, to: Address, amount: int = 1) -> bytes:
    """A transfer of `amount` of the token's smallest units."""
    return signed(key, chain_id, nonce, WETH, data=token_transfer_data(to, amount), gas=TOKEN_GAS).raw


def withdrawal(key: bytes, chain_id: int, nonce: int, to: Address, value: int = 1) -> bytes:
    """Takes `value` wei to `to` on L1 over the standard bridge."""
    data = _BRIDGE.encode_call("bridgeETHTo", to, _L1_GAS, b"")
    return signed(key, chain_id, nonce, L2_STANDARD_BRIDGE, value=value, data=data, gas=WITHDRAWAL_GAS).raw


def withdrawals_at_once(key: bytes, chain_id: int, nonce: int, to: Address) -> bytes:
    """Seven withdrawals of 1 wei each to `to`: all of them, or none."""
    data = _BRIDGE.encode_call("bridgeETHTo", to, _L1_GAS, b"")
    calls = [(L2_STANDARD_BRIDGE, False, 1, data)] * _AT_ONCE
    batch = _AGGREGATE_SELECTOR + encode(["(address,bool,uint256,bytes)[]"], [calls])
    return signed(key, chain_id, nonce, MULTICALL3_ADDRESS, value=_AT_ONCE, data=batch, gas=_AT_ONCE_GAS).raw


def as_on_op_mainnet(key: bytes, chain_id: int, nonce: int, to: Address) -> bytes:
    """One of the others, drawn by the bytes of `to`, so that many of them use 304,000 gas on average.

    As many are transfers of ETH and calls of tokens (one of the two withdrawals stands for any other call) as among the 141
    transactions of users in the blocks 109279674 to 109279689 of OP Mainnet, of 8 September 2023, which used 303,711.
    """
    drawn = int.from_bytes(to[:4], "big") / 2**32
    if drawn < _TRANSFERS:
        return transfer(key, chain_id, nonce, to)
    if drawn < _TRANSFERS + _TOKEN_TRANSFERS:
        return token_transfer(key, chain_id, nonce, to)
    if drawn < _TRANSFERS + _TOKEN_TRANSFERS + _WITHDRAWALS:
        return withdrawal(key, chain_id, nonce, to)
    return withdrawals_at_once(key, chain_id, nonce, to)
