"""Who acts on a devnet, on both of its chains, and what they have sent so far."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from config.types import Address, Hash32, from_hex, to_address, to_hex
from derivation.deposits import decode_deposit_log
from evm.types import keccak256
from evm.types.json_codec import log_from_json
from l1.rpc import JsonRpcClient
from tests.e2e.parts import Parts, receipt_of
from tests.e2e.traffic import Sender, Sent


def newcomer(name: str) -> Address:
    """An address that nobody has used."""
    return Address(keccak256(name.encode())[12:])


@dataclass(frozen=True)
class L1Call:
    """A transaction for L1. `to` None creates a contract, `value` in wei."""

    what: str
    to: Address | None
    data: bytes
    value: int = 0


@dataclass
class Play:
    """The chains, and every transaction that L2 accepted."""

    parts: Parts
    sent: list[Sent] = field(default_factory=list)
    holders: set[Address] = field(default_factory=set)
    """Accounts that get ETH on L2 without being named in a receipt."""

    @property
    def sequencer(self) -> JsonRpcClient:
        """The sequencer's RPC."""
        return self.parts.sequencer

    def on_l2(self, key: bytes) -> Sender:
        """An account on L2."""
        return Sender(self.parts.sequencer, self.parts.l2_chain_id, key, self.sent)

    def on_l1(self, key: bytes) -> Sender:
        """An account on L1."""
        return Sender(self.parts.l1, self.parts.l1_chain_id, key)

    async def settle(self) -> None:
        """Wait until all that was sent to L2 is in blocks, and see that it went as intended."""
        for sent in self.sent:
            receipt = await receipt_of(self.sequencer, sent.hash)
            assert (receipt["status"] == "0x1") == sent.succeeds, f"{sent.what}: {receipt}"

    async def send_to_l1(self, sender: Sender, calls: Sequence[L1Call]) -> list[dict[str, Any]]:
        """Send all, in order, and answer their receipts. Fails the test when one reverts."""
        hashes = [
            await sender.send(call.what, call.to, data=call.data, value=call.value, gas=3_000_000) for call in calls
        ]
        receipts = await asyncio.gather(*(receipt_of(self.parts.l1, each) for each in hashes))
        for call, receipt in zip(calls, receipts, strict=True):
            assert receipt["status"] == "0x1", f"{call.what} failed on L1: {receipt}"
        return list(receipts)

    async def deposited(self, receipt: dict[str, Any]) -> dict[str, Any]:
        """The L2 receipt of the deposit that an L1 transaction made."""
        portal = self.parts.contract("OptimismPortalProxy")
        for log in receipt["logs"]:
            if to_address(log["address"]) == portal:
                block_hash = Hash32(from_hex(receipt["blockHash"]))
                deposit = decode_deposit_log(log_from_json(log), block_hash, int(log["logIndex"], 16))
                self.holders |= {deposit.sender} | ({deposit.to} if deposit.to else set())
                return await receipt_of(self.sequencer, to_hex(deposit.hash))
        raise AssertionError(f"no deposit in {receipt}")
