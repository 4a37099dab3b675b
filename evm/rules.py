"""What execution asks of a chain: `L2Rules` for an OP Stack chain, `L1Rules` for Ethereum itself."""

from typing import Protocol

from config.constants import GAS_PER_BLOB, MINIMUM_BASE_FEE_UPDATE_DENOMINATOR
from config.forks import EthFork, Fork
from config.l1_chain import L1ChainConfig, fake_exponential
from config.rollup import RollupConfig
from evm.forks import ForkRules, fork_rules
from evm.types import Address, Header

MAINNET_DEPOSIT_CONTRACT = Address(bytes.fromhex("00000000219ab540356cbb839cbe05303d7705fa"))
"""Where validators deposit on mainnet. Spec: EIP-6110."""

_ELASTICITY = 2
_INITIAL_BASE_FEE = 1_000_000_000
_GAS_LIMIT_BOUND_DIVISOR = 1024
_MINIMUM_GAS_LIMIT = 5000
_MAXIMUM_GAS_LIMIT = (1 << 63) - 1
_MAXIMUM_EXTRA_DATA_BYTES = 32
_BLOB_BASE_COST = 1 << 13
_MAX_BLOCK_RLP_BYTES = (10 - 2) * 1024 * 1024
_HOLOCENE_EXTRA_BYTES = 9
_JOVIAN_EXTRA_BYTES = 17


class InvalidHeader(ValueError):
    """A header that breaks a rule of its chain; the message says which."""


class Rules(Protocol):
    """A chain as the execution layer sees it. Times in seconds, fees in wei per gas, sizes in bytes."""

    chain_id: int

    def at(self, timestamp: int) -> ForkRules:
        """The fork rules of a block with this timestamp."""
        ...

    def next_base_fee(self, parent: Header, timestamp: int) -> int:
        """The base fee of the block after `parent`. Spec: EIP-1559."""
        ...

    def check_extra_data(self, extra_data: bytes, timestamp: int) -> None:
        """Raises InvalidHeader when a header of this time may not carry it."""
        ...

    def check_gas_limit(self, parent: Header, gas_limit: int) -> None:
        """Raises InvalidHeader when the gas limit may not follow the parent's."""
        ...

    def excess_blob_gas(self, parent: Header, timestamp: int) -> int:
        """The header field of the block after `parent`. Spec: EIP-4844, EIP-7691, EIP-7918."""
        ...

    def blob_base_fee(self, excess_blob_gas: int, timestamp: int) -> int:
        """Price of blob gas. Spec: EIP-4844."""
        ...

    def max_blobs_per_block(self, timestamp: int) -> int:
        """0 on L2."""
        ...

    def max_block_bytes(self, timestamp: int) -> int | None:
        """Largest RLP of a block, or None. Spec: EIP-7934."""
        ...


def eip1559_base_fee(base_fee: int, gas_used: int, gas_limit: int, elasticity: int, denominator: int) -> int:
    """The base fee after a block with these numbers. Spec: EIP-1559."""
    target = gas_limit // elasticity
    if target == 0 or gas_used == target:
        return base_fee
    if gas_used > target:
        return base_fee + max(1, base_fee * (gas_used - target) // target // denominator)
    return max(0, base_fee - base_fee * (target - gas_used) // target // denominator)


def _check_extra_data_size(extra_data: bytes) -> None:
    if len(extra_data) > _MAXIMUM_EXTRA_DATA_BYTES:
        raise InvalidHeader(f"extra data has {len(extra_data)} bytes, at most {_MAXIMUM_EXTRA_DATA_BYTES} are allowed")


class L2Rules:
    """An OP Stack chain. Spec: op exec-engine."""

    def __init__(self, rollup: RollupConfig) -> None:
        self.rollup = rollup
        self.chain_id = rollup.l2_chain_id

    def at(self, timestamp: int) -> ForkRules:
        """The fork rules of a block with this timestamp (seconds)."""
        return fork_rules(EthFork.PARIS, self.rollup.forks.active(timestamp))

    def next_base_fee(self, parent: Header, timestamp: int) -> int:
        """The base fee of the block after `parent`, by the parameters that `parent` carries since Holocene.

        Raises InvalidHeader when those are zero, which no valid header has.
        Spec: op holocene exec-engine, "Base Fee Computation"; op jovian exec-engine.
        """
        if parent.base_fee_per_gas is None:
            return _INITIAL_BASE_FEE
        denominator, elasticity = self._chain_parameters(timestamp)
        gas_used, minimum = parent.gas_used, 0
        if self.rollup.is_active(Fork.HOLOCENE, parent.timestamp) and len(parent.extra_data) >= _HOLOCENE_EXTRA_BYTES:
            denominator, elasticity = decode_eip1559_parameters(parent.extra_data[1:9])
            if denominator == 0 or elasticity == 0:
                raise InvalidHeader(f"{parent} carries zero EIP-1559 parameters: no block can follow it")
        if self.rollup.is_active(Fork.JOVIAN, parent.timestamp):
            gas_used = max(gas_used, parent.blob_gas_used or 0)
            minimum = int.from_bytes(parent.extra_data[9:17], "big")
        fee = eip1559_base_fee(parent.base_fee_per_gas, gas_used, parent.gas_limit, elasticity, denominator)
        return max(fee, minimum)

    def _chain_parameters(self, timestamp: int) -> tuple[int, int]:
        parameters = self.rollup.eip1559
        canyon = self.rollup.is_active(Fork.CANYON, timestamp)
        return (parameters.denominator_canyon if canyon else parameters.denominator), parameters.elasticity

    def extra_data(self, timestamp: int, eip1559_params: bytes | None, min_base_fee: int | None) -> bytes:
        """The extra data of a block made of payload attributes with these parameters.

        Raises InvalidHeader when parameters are missing, or given before their fork.
        Spec: op holocene exec-engine, "Encoding"; op jovian exec-engine, "Minimum Base Fee".
        """
        if not self.rollup.is_active(Fork.HOLOCENE, timestamp):
            if eip1559_params is not None:
                raise InvalidHeader("payload attributes carry eip1559Params before Holocene")
            return b""
        if eip1559_params is None:
            raise InvalidHeader("payload attributes lack eip1559Params, which Holocene requires")
        denominator, elasticity = decode_eip1559_parameters(eip1559_params)
        if not any(eip1559_params):
            denominator, elasticity = self._chain_parameters(timestamp)
        elif denominator == 0:
            raise InvalidHeader("eip1559Params: the denominator must not be zero when the elasticity is given")
        data = denominator.to_bytes(4, "big") + elasticity.to_bytes(4, "big")
        if not self.rollup.is_active(Fork.JOVIAN, timestamp):
            if min_base_fee is not None:
                raise InvalidHeader("payload attributes carry minBaseFee before Jovian")
            return b"\x00" + data
        if min_base_fee is None:
            raise InvalidHeader("payload attributes lack minBaseFee, which Jovian requires")
        return b"\x01" + data + min_base_fee.to_bytes(8, "big")

    def check_extra_data(self, extra_data: bytes, timestamp: int) -> None:
        """Raises InvalidHeader for a wrong length, version or zero parameters. Spec: op holocene exec-engine."""
        if not self.rollup.is_active(Fork.HOLOCENE, timestamp):
            _check_extra_data_size(extra_data)
            return
        jovian = self.rollup.is_active(Fork.JOVIAN, timestamp)
        version, length = (1, _JOVIAN_EXTRA_BYTES) if jovian else (0, _HOLOCENE_EXTRA_BYTES)
        if len(extra_data) != length:
            raise InvalidHeader(f"extra data has {len(extra_data)} bytes, expected {length}")
        if extra_data[0] != version:
            raise InvalidHeader(f"extra data has version {extra_data[0]}, expected {version}")
        denominator, elasticity = decode_eip1559_parameters(extra_data[1:9])
        if denominator == 0 or elasticity == 0:
            raise InvalidHeader("extra data has a zero EIP-1559 denominator or elasticity")

    def check_gas_limit(self, parent: Header, gas_limit: int) -> None:
        """L1 sets the gas limit freely; only its range is checked."""
        if not 0 <= gas_limit <= _MAXIMUM_GAS_LIMIT:
            raise InvalidHeader(f"gas limit {gas_limit} is above {_MAXIMUM_GAS_LIMIT}")

    def excess_blob_gas(self, parent: Header, timestamp: int) -> int:
        """Always zero. Spec: op ecotone exec-engine."""
        return 0

    def blob_base_fee(self, excess_blob_gas: int, timestamp: int) -> int:
        """Always 1 wei, the minimum. Spec: op ecotone exec-engine, "BLOBBASEFEE"."""
        return 1

    def max_blobs_per_block(self, timestamp: int) -> int:
        """L2 blocks carry no blobs."""
        return 0

    def max_block_bytes(self, timestamp: int) -> int | None:
        """L2 blocks have no such limit: what L1 says must fit."""
        return None


def decode_eip1559_parameters(params: bytes) -> tuple[int, int]:
    """(denominator, elasticity) of the 8-byte form."""
    return int.from_bytes(params[:4], "big"), int.from_bytes(params[4:8], "big")


class L1Rules:
    """Ethereum after the Merge."""

    def __init__(self, chain: L1ChainConfig, deposit_contract: Address = MAINNET_DEPOSIT_CONTRACT) -> None:
        self.chain = chain
        self.chain_id = chain.chain_id
        self.deposit_contract = deposit_contract

    def at(self, timestamp: int) -> ForkRules:
        """The fork rules of a block with this timestamp (seconds)."""
        return fork_rules(self.chain.fork_at(timestamp))

    def next_base_fee(self, parent: Header, timestamp: int) -> int:
        """Spec: EIP-1559."""
        if parent.base_fee_per_gas is None:
            return _INITIAL_BASE_FEE
        return eip1559_base_fee(
            parent.base_fee_per_gas,
            parent.gas_used,
            parent.gas_limit,
            _ELASTICITY,
            MINIMUM_BASE_FEE_UPDATE_DENOMINATOR,
        )

    def check_extra_data(self, extra_data: bytes, timestamp: int) -> None:
        """At most 32 bytes."""
        _check_extra_data_size(extra_data)

    def check_gas_limit(self, parent: Header, gas_limit: int) -> None:
        """Less than 1/1024 of the parent's away from it. Spec: yellow paper, 4.3.4."""
        bound = parent.gas_limit // _GAS_LIMIT_BOUND_DIVISOR
        if abs(gas_limit - parent.gas_limit) >= bound or not _MINIMUM_GAS_LIMIT <= gas_limit <= _MAXIMUM_GAS_LIMIT:
            raise InvalidHeader(
                f"gas limit {gas_limit} may not follow {parent.gas_limit}: it must be less than {bound} away from it"
            )

    def excess_blob_gas(self, parent: Header, timestamp: int) -> int:
        """Spec: EIP-4844, EIP-7691 (parameters of the new block), EIP-7918 (reserve price since Osaka)."""
        parameters = self.chain.blob_parameters(timestamp)
        excess, used = parent.excess_blob_gas or 0, parent.blob_gas_used or 0
        target = parameters.target * GAS_PER_BLOB
        if excess + used < target:
            return 0
        if self.at(timestamp).has(EthFork.OSAKA):
            execution_cost = _BLOB_BASE_COST * (parent.base_fee_per_gas or 0)
            if execution_cost > GAS_PER_BLOB * self.blob_base_fee(excess, timestamp):
                return excess + used * (parameters.max - parameters.target) // parameters.max
        return excess + used - target

    def blob_base_fee(self, excess_blob_gas: int, timestamp: int) -> int:
        """Spec: EIP-4844."""
        return fake_exponential(1, excess_blob_gas, self.chain.blob_parameters(timestamp).update_fraction)

    def max_blobs_per_block(self, timestamp: int) -> int:
        """Spec: EIP-4844, EIP-7691, EIP-7892."""
        return self.chain.blob_parameters(timestamp).max if self.at(timestamp).has(EthFork.CANCUN) else 0

    def max_block_bytes(self, timestamp: int) -> int | None:
        """10 MiB less 2 MiB for the beacon block around it, since Osaka. Spec: EIP-7934."""
        return _MAX_BLOCK_RLP_BYTES if self.at(timestamp).has(EthFork.OSAKA) else None
