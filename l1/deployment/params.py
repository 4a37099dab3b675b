"""What a deployment is told: roles, delays, depths, first values of the system configuration."""

from __future__ import annotations

from dataclasses import dataclass, field

from config.types import ZERO_ADDRESS, ZERO_HASH, Address, Hash32, Wei

PERMISSIONLESS_GAME_TYPE = 0
SUPER_ROOT_GAME_TYPES = frozenset({4, 5, 7, 9})
"""Game types that clients take for games about timestamps instead of block numbers."""

ROOT_BOND = Wei(400_000 * 200 * 10**9)
"""Bond of a root claim: 400,000 gas at 200 gwei."""

MIN_LARGE_PREIMAGE_SIZE = 126_000
"""Bytes of the smallest preimage that the oracle takes in parts: what is smaller fits one transaction (128 KiB)."""

MAX_POSITION_DEPTH = 125
"""Deepest game that a 128-bit position can express."""


@dataclass(frozen=True)
class Delays:
    """Waiting times in seconds.

    `proof_maturity`: from proving a withdrawal to executing it. `game_finality`: from a game's resolution to its
    acceptance (the air gap). `max_clock`: chess clock of each side. `clock_extension`: time that whoever has to answer
    is sure to have. `bond_withdrawal`: from unlocking a bond to paying it out. `preimage_challenge`: for challenging a
    preimage that is published in parts, and therefore extra time before a step. `timelock`: from announcing an upgrade
    to making it. What the owner behind the timelock may do about bonds comes too late where `bond_withdrawal` is shorter, unless
    the guardian's pause holds them back meanwhile.
    """

    proof_maturity: int
    game_finality: int
    max_clock: int
    clock_extension: int
    bond_withdrawal: int
    preimage_challenge: int
    timelock: int

    def __post_init__(self) -> None:
        longest = max(2 * self.clock_extension, self.clock_extension + self.preimage_challenge)
        if longest > self.max_clock:
            raise ValueError(f"A clock of {self.max_clock} s cannot grant an extension of {longest} s.")


FAST_DELAYS = Delays(
    proof_maturity=12,
    game_finality=6,
    max_clock=60,
    clock_extension=10,
    bond_withdrawal=6,
    preimage_challenge=0,
    timelock=0,
)
"""Delays of a development chain: a withdrawal takes about a minute and a half."""

MAINNET_DELAYS = Delays(
    proof_maturity=604_800,
    game_finality=302_400,
    max_clock=302_400,
    clock_extension=10_800,
    bond_withdrawal=604_800,
    preimage_challenge=86_400,
    timelock=1_209_600,
)
"""Delays as on public chains: a week to withdraw, three and a half days per clock, two weeks for upgrades."""


@dataclass(frozen=True)
class ResourceConfig:
    """The market for L2 gas that deposits buy: gas per L1 block, base fees in wei."""

    max_resource_limit: int = 20_000_000
    elasticity_multiplier: int = 10
    base_fee_max_change_denominator: int = 8
    minimum_base_fee: int = 1_000_000_000
    system_tx_max_gas: int = 1_000_000
    maximum_base_fee: int = 2**128 - 1

    def as_tuple(self) -> tuple[int, int, int, int, int, int]:
        """The values in the order of the contract's structure."""
        return (
            self.max_resource_limit,
            self.elasticity_multiplier,
            self.base_fee_max_change_denominator,
            self.minimum_base_fee,
            self.system_tx_max_gas,
            self.maximum_base_fee,
        )


@dataclass(frozen=True)
class ProofSettings:
    """How validity proofs end games: contract that checks them, program, hash of the chain's configuration.

    Without a verifier games end by bisection alone.
    """

    verifier: Address = ZERO_ADDRESS
    program_id: Hash32 = ZERO_HASH
    config_hash: Hash32 = ZERO_HASH

    def __post_init__(self) -> None:
        if self.verifier != ZERO_ADDRESS and ZERO_HASH in (self.program_id, self.config_hash):
            raise ValueError("A verifier of validity proofs needs the program's id and the configuration's hash.")


NO_PROOFS = ProofSettings()


@dataclass(frozen=True)
class DeployParams:
    """Everything that a deployment does not decide itself.

    `owner` gets the SystemConfig and the right to announce upgrades, of games too, to the timelock; `guardian` may pause and
    invalidate games. EIP-1559 parameters, operator fee, minimum base fee and DA footprint scalar are only
    written when they differ from zero, which stands for the chain's default.
    """

    l2_chain_id: int
    owner: Address
    guardian: Address
    batcher: Address
    batch_inbox: Address
    unsafe_block_signer: Address
    gas_limit: int = 60_000_000
    base_fee_scalar: int = 1368
    blob_base_fee_scalar: int = 810_949
    eip1559_denominator: int = 0
    eip1559_elasticity: int = 0
    operator_fee_scalar: int = 0
    operator_fee_constant: int = 0
    min_base_fee: int = 0
    da_footprint_gas_scalar: int = 0
    delays: Delays = FAST_DELAYS
    max_game_depth: int = 73
    split_depth: int = 30
    game_type: int = PERMISSIONLESS_GAME_TYPE
    root_bond: Wei = ROOT_BOND
    proofs: ProofSettings = NO_PROOFS
    min_large_preimage_size: int = MIN_LARGE_PREIMAGE_SIZE
    resource_config: ResourceConfig = field(default_factory=ResourceConfig)

    def __post_init__(self) -> None:
        if self.game_type in SUPER_ROOT_GAME_TYPES or not 0 <= self.game_type < 2**32 - 1:
            raise ValueError(f"Game type {self.game_type} does not stand for games about block numbers.")
        if not self.split_depth + 1 < self.max_game_depth <= MAX_POSITION_DEPTH or self.split_depth < 2:
            raise ValueError(f"A game of depth {self.max_game_depth} cannot be split at depth {self.split_depth}.")
        needed = self.resource_config.max_resource_limit + self.resource_config.system_tx_max_gas
        if self.gas_limit < needed:
            raise ValueError(f"An L2 gas limit of {self.gas_limit} is below the {needed} that deposits can fill.")
        if (self.eip1559_denominator == 0) != (self.eip1559_elasticity == 0):
            raise ValueError("EIP-1559 denominator and elasticity are given both or not at all.")
