"""Transactions for measuring how small they become, and how many bits of them nobody could have known before."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.transactions import ETHER, TOKEN_GAS, TRANSFER_GAS, signed, token_transfer_data
from config.constants import WETH
from config.types import Address
from evm.types.signature import address_of

SIGNATURE_BITS = 512
"""r and s. No known method makes a signature smaller without proving it instead of posting it."""

_AMOUNTS = 1_000_000
_AMOUNT_UNIT = 10**12

# fmt: off
_AMOUNT_SHAPES = {
    (1, 14): 3, (1, 15): 18, (1, 16): 4, (1, 17): 1, (2, 13): 3, (2, 14): 10, (2, 15): 2, (3, 13): 2, (3, 14): 2, (3, 15): 1,
    (3, 16): 2, (4, 8): 1, (4, 12): 5, (4, 13): 2, (4, 15): 1, (5, 10): 1, (5, 11): 5, (5, 12): 1, (5, 13): 1, (5, 14): 2,
    (6, 10): 3, (6, 12): 1, (7, 10): 2, (7, 11): 4, (7, 12): 1, (8, 9): 1, (8, 10): 7, (9, 6): 1, (9, 10): 5, (14, 0): 1,
    (14, 1): 1, (15, 0): 2, (16, 0): 4, (16, 1): 1, (17, 0): 6, (18, 0): 3, (18, 1): 1, (19, 0): 1,
}
# fmt: on
"""Decimal digits of an amount in wei up to the last that is not zero, and the zeros behind: how many transfers of OP Mainnet
have such an amount, of the 112 in the three channels that `benchmarks.posted_bytes` measures."""


@dataclass(frozen=True)
class Sample:
    """A transaction (canonical bytes) and the bits, at least, that any encoding of it needs."""

    raw: bytes
    bits: float


class Traffic:
    """Random transactions, the same ones for the same seed."""

    def __init__(self, chain_id: int, seed: int) -> None:
        self._chain_id = chain_id
        self._rng = random.Random(seed)

    def transfers(self) -> Iterator[Sample]:
        """Transfers, each between two accounts never seen before: the hardest to compress. Amounts are as round as people's are.

        To be known: the signature (the sender follows from it), the receiver, how many digits and zeros the amount has
        (`_AMOUNT_SHAPES`), and those digits.
        """
        shapes, weights = list(_AMOUNT_SHAPES), list(_AMOUNT_SHAPES.values())
        all_of_them = sum(weights)
        while True:
            (shape,) = self._rng.choices(shapes, weights)
            digits, zeros = shape
            # Neither the first digit nor the last is zero.
            choices = 9 if digits == 1 else 81 * 10 ** (digits - 2)
            others, last = divmod(self._rng.randrange(choices), 9)
            if digits > 1:
                others += 10 ** (digits - 2)
            bits = math.log2(choices) + math.log2(all_of_them / _AMOUNT_SHAPES[shape])
            yield self._fresh_transfer((10 * others + last + 1) * 10**zeros, bits)

    def round_transfers(self) -> Iterator[Sample]:
        """The same with one of a million amounts, all multiples of a millionth of an ether and all equally likely."""
        while True:
            yield self._fresh_transfer(self._amount(), math.log2(_AMOUNTS))

    def exact_transfers(self) -> Iterator[Sample]:
        """The same with amounts to the wei, up to one ether: nothing in them can be left out."""
        while True:
            yield self._fresh_transfer(self._rng.randrange(1, ETHER + 1), math.log2(ETHER))

    def contracts(self, accounts: int = 2_000) -> Iterator[Sample]:
        """Traffic of a chain that is used for tokens: 15 % transfers, 30 % ERC-20 transfers, 10 % approvals, 35 % swaps, 10 %
        claims with a Merkle proof; about 260 bytes each.

        Known: nonces, fees, gas limits, selectors, which words are zero. To be known: the signature, the kind, which of 2,000
        accounts, of 50 tokens, of 5 routers and spenders, amounts to the wei, five hashes of a proof out of 256.
        """
        keys = [self._rng.randbytes(32) for _ in range(accounts)]
        addresses = [address_of(key) for key in keys]
        tokens = [Address(self._rng.randbytes(20)) for _ in range(50)]
        others = [Address(self._rng.randbytes(20)) for _ in range(5)]
        hashes = [self._rng.randbytes(32) for _ in range(256)]
        nonces = [0] * accounts
        who, which, amount = math.log2(accounts), math.log2(50), math.log2(ETHER)
        while True:
            sender, kind = self._rng.randrange(accounts), self._rng.random()
            nonce = nonces[sender]
            nonces[sender] += 1
            token, other, to = self._rng.choice(tokens), self._rng.choice(others), self._rng.choice(addresses)
            value, gas = 0, 200_000
            if kind < 0.15:
                target, data, gas, value = to, b"", TRANSFER_GAS, self._rng.randrange(1, ETHER)
                bits = who + amount - math.log2(0.15)
            elif kind < 0.45:
                target, data, gas = token, token_transfer_data(to, self._rng.randrange(1, ETHER)), TOKEN_GAS
                bits = who + which + amount - math.log2(0.3)
            elif kind < 0.55:
                target, data = token, _call("095ea7b3", other, b"\xff" * 32)
                bits = which + math.log2(5) - math.log2(0.1)
            elif kind < 0.9:
                amounts = [self._rng.randrange(1, ETHER).to_bytes(8, "big") for _ in range(2)]
                path = (b"\xa0", addresses[sender], (1_700_000_000 + nonce).to_bytes(4, "big"), b"\x02", token)
                target, data = other, _call("38ed1739", *amounts, *path, self._rng.choice(tokens))
                bits = 2 * amount + 2 * which + math.log2(5) - math.log2(0.35)
            else:
                proof = [self._rng.choice(hashes) for _ in range(5)]
                target, data = other, _call("2e7ba6ef", addresses[sender], b"\x80", b"\x05", *proof)
                bits = 5 * 8 + math.log2(5) - math.log2(0.1)
            tx = signed(keys[sender], self._chain_id, nonce, target, data=data, gas=gas, value=value)
            yield Sample(tx.raw, SIGNATURE_BITS + bits)

    def mixed(self, accounts: int = 500) -> Iterator[Sample]:
        """Traffic among known accounts: 55 % transfers, 35 % ERC-20 transfers, 10 % other calls.

        Besides the signature: which kind, which of the accounts receives, which amount; of the other calls, which of
        20 contracts and 64 random bytes. Senders' nonces count as known.
        """
        keys = [self._rng.randbytes(32) for _ in range(accounts)]
        addresses = [address_of(key) for key in keys]
        contracts = [Address(self._rng.randbytes(20)) for _ in range(20)]
        nonces = [0] * accounts
        while True:
            sender, kind = self._rng.randrange(accounts), self._rng.random()
            key, nonce = keys[sender], nonces[sender]
            nonces[sender] += 1
            to = self._rng.choice(addresses)
            known = math.log2(accounts) + math.log2(_AMOUNTS)
            if kind < 0.55:
                tx = signed(key, self._chain_id, nonce, to, value=self._amount(), gas=TRANSFER_GAS)
                bits = known - math.log2(0.55)
            elif kind < 0.9:
                data = token_transfer_data(to, self._amount())
                tx = signed(key, self._chain_id, nonce, WETH, data=data, gas=TOKEN_GAS)
                bits = known - math.log2(0.35)
            else:
                data = b"\xab\xcd\xef\x01" + self._rng.randbytes(64) + bytes(32)
                tx = signed(key, self._chain_id, nonce, self._rng.choice(contracts), data=data, gas=200_000)
                bits = 512 + math.log2(len(contracts)) - math.log2(0.1)
            yield Sample(tx.raw, SIGNATURE_BITS + bits)

    def _fresh_transfer(self, amount: int, amount_bits: float) -> Sample:
        key = self._rng.randbytes(32)
        to = Address(self._rng.randbytes(20))
        return Sample(signed(key, self._chain_id, 0, to, value=amount).raw, SIGNATURE_BITS + 160 + amount_bits)

    def _amount(self) -> int:
        return self._rng.randrange(1, _AMOUNTS + 1) * _AMOUNT_UNIT


def _call(selector: str, *words: bytes) -> bytes:
    return bytes.fromhex(selector) + b"".join(bytes(32 - len(word)) + word for word in words)
