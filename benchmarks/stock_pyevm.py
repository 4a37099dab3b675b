"""The peer: py-evm as it comes, with the fast hash backend that we use as well."""

from collections.abc import Mapping, Sequence
from typing import Any

from eth.chains.base import MiningChain
from eth.consensus.noproof import NoProofConsensus
from eth.db.atomic import AtomicDB
from eth.vm.forks.prague import PragueVM

from benchmarks.local_rollup import CHAIN_ID
from config.types import Address

_GAS_LIMIT = 30_000_000
_COINBASE = b"\x42" + bytes(17) + b"\x00\x11"


class StockChain:
    """A chain on Prague rules with its state in memory, from a genesis of balances (wei) and codes."""

    def __init__(self, accounts: Mapping[Address, tuple[int, bytes]]) -> None:
        vm = PragueVM.configure(consensus_class=NoProofConsensus)
        chain_class: Any = MiningChain.configure(__name__="StockChain", vm_configuration=((0, vm),), chain_id=CHAIN_ID)
        self._chain = chain_class.from_genesis(
            AtomicDB(),
            {"difficulty": 0, "gas_limit": _GAS_LIMIT, "timestamp": 1_700_000_000, "base_fee_per_gas": 10**9},
            {
                address: {"balance": balance, "nonce": 0, "code": code, "storage": {}}
                for address, (balance, code) in accounts.items()
            },
        )

    def mine(self, raws: Sequence[bytes]) -> int:
        """Make the next block of these transactions (canonical bytes); answers the gas that it used.

        Raises RuntimeError when a transaction fails: the comparison would be of different work.
        """
        builder = self._chain.get_vm().get_transaction_builder()
        transactions = [builder.decode(raw) for raw in raws]
        result, _, computations = self._chain.mine_all(transactions, coinbase=_COINBASE)
        failed = sum(computation.is_error for computation in computations)
        if failed:
            raise RuntimeError(f"{failed} transactions failed in py-evm")
        return int(result.imported_block.header.gas_used)
