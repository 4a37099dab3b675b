"""Transactions for measuring how small they become, and how many bits of them nobody could have known before."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.transactions import TOKEN_GAS, TRANSFER_GAS, signed, token_transfer_data
from config.constants import WETH
from config.types import Address
from evm.types.signature import address_of

SIGNATURE_BITS = 512
"""r and s. No known method makes a signature smaller without proving it instead of posting it."""

_AMOUNTS = 1_000_000
_AMOUNT_UNIT = 10**12


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

    def fresh_transfers(self) -> Iterator[Sample]:
        """Transfers, each between two accounts never seen before: the hardest to compress.

        To be known: the signature (the sender follows from it), the receiver, and one of a million amounts.
        """
        while True:
            key = self._rng.randbytes(32)
            to = Address(self._rng.randbytes(20))
            raw = signed(key, self._chain_id, 0, to, value=self._amount()).raw
            yield Sample(raw, SIGNATURE_BITS + 160 + math.log2(_AMOUNTS))

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

    def _amount(self) -> int:
        return self._rng.randrange(1, _AMOUNTS + 1) * _AMOUNT_UNIT
