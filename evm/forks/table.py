"""Which rules hold on which fork."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from config.constants import TRANSACTION_GAS_CAP
from config.forks import FORK_TABLE, EthFork, Fork
from evm.forks.berlin import Berlin
from evm.forks.byzantium import Byzantium
from evm.forks.cancun import Cancun
from evm.forks.constantinople import Constantinople
from evm.forks.fjord import Fjord
from evm.forks.frontier import Frontier
from evm.forks.granite import Granite
from evm.forks.homestead import Homestead
from evm.forks.istanbul import Istanbul
from evm.forks.isthmus import Isthmus
from evm.forks.jovian import Jovian
from evm.forks.karst import Karst
from evm.forks.london import London
from evm.forks.osaka import Osaka
from evm.forks.paris import Paris
from evm.forks.petersburg import Petersburg
from evm.forks.prague import Prague
from evm.forks.shanghai import Shanghai
from evm.forks.spurious_dragon import SpuriousDragon
from evm.forks.tangerine_whistle import TangerineWhistle
from evm.types import Address, TransactionType

_ETHEREUM: Mapping[EthFork, type[Any]] = {
    EthFork.FRONTIER: Frontier,
    EthFork.HOMESTEAD: Homestead,
    EthFork.TANGERINE_WHISTLE: TangerineWhistle,
    EthFork.SPURIOUS_DRAGON: SpuriousDragon,
    EthFork.BYZANTIUM: Byzantium,
    EthFork.CONSTANTINOPLE: Constantinople,
    EthFork.PETERSBURG: Petersburg,
    EthFork.ISTANBUL: Istanbul,
    EthFork.BERLIN: Berlin,
    EthFork.LONDON: London,
    EthFork.PARIS: Paris,
    EthFork.SHANGHAI: Shanghai,
    EthFork.CANCUN: Cancun,
    EthFork.PRAGUE: Prague,
    EthFork.OSAKA: Osaka,
}
_OP_STACK: Mapping[Fork, type[Any]] = {
    Fork.BEDROCK: Paris,
    Fork.REGOLITH: Paris,
    Fork.CANYON: Shanghai,
    Fork.DELTA: Shanghai,
    Fork.ECOTONE: Cancun,
    Fork.FJORD: Fjord,
    Fork.GRANITE: Granite,
    Fork.HOLOCENE: Granite,
    Fork.ISTHMUS: Isthmus,
    Fork.JOVIAN: Jovian,
    Fork.KARST: Karst,
}


@dataclass(frozen=True)
class ForkRules:
    """What executing a transaction asks of a fork. `op_fork` is None on Ethereum itself."""

    eth_fork: EthFork
    op_fork: Fork | None
    computation: type[Any]
    precompiles: frozenset[Address]

    def has(self, fork: EthFork) -> bool:
        """Whether the rules of this Ethereum fork hold."""
        return self.eth_fork >= fork

    def has_op(self, fork: Fork) -> bool:
        """Whether this is an L2 on which the rules of this OP Stack fork hold."""
        return self.op_fork is not None and self.op_fork >= fork

    @property
    def is_l2(self) -> bool:
        """Whether OP Stack rules hold: deposits, L1 fees, fee vaults."""
        return self.op_fork is not None

    @property
    def transaction_gas_cap(self) -> int | None:
        """The most gas a signed transaction may ask for; None without such a cap. Spec: EIP-7825."""
        return TRANSACTION_GAS_CAP if self.eth_fork >= EthFork.OSAKA else None

    def allows(self, kind: TransactionType) -> bool:
        """Whether transactions of this type can be in a block."""
        if kind == TransactionType.ACCESS_LIST:
            return self.eth_fork >= EthFork.BERLIN
        if kind == TransactionType.DYNAMIC_FEE:
            return self.eth_fork >= EthFork.LONDON
        if kind == TransactionType.BLOB:
            return self.eth_fork >= EthFork.CANCUN and not self.is_l2
        if kind == TransactionType.SET_CODE:
            return self.eth_fork >= EthFork.PRAGUE
        if kind == TransactionType.DEPOSIT:
            return self.is_l2
        return True


@functools.cache
def fork_rules(eth_fork: EthFork, op_fork: Fork | None = None) -> ForkRules:
    """The rules of an Ethereum fork or, with `op_fork`, of an L2 on that fork.

    No chain here follows forks before the Merge; they are for the transition tool and for test suites.
    """
    if op_fork is not None:
        computation = _OP_STACK[op_fork]
        eth_fork = FORK_TABLE[op_fork].eth_fork
    else:
        computation = _ETHEREUM[eth_fork]
    return ForkRules(eth_fork, op_fork, computation, frozenset(computation._precompiles))


def with_precompiles(fork: ForkRules, precompiles: Mapping[Address, Any]) -> ForkRules:
    """The same rules with these precompiles and no others; `stock` of the computation is the fork's own.

    Rules for one request: nothing may keep them for another.
    """
    stock = stock_computation(fork.computation)
    computation = type(stock.__name__, (stock,), {"_precompiles": dict(precompiles), "stock": stock})
    return replace(fork, computation=computation, precompiles=frozenset(precompiles))


def stock_computation(computation: type[Any]) -> type[Any]:
    """The class that one with other precompiles was made from; itself if it was not."""
    stock: type[Any] = computation.__dict__.get("stock", computation)
    return stock
