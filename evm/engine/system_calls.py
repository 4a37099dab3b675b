"""What the protocol itself does at the start of a block."""

from config.constants import BEACON_ROOTS_ADDRESS, HISTORY_STORAGE_ADDRESS, SYSTEM_ADDRESS
from config.forks import EthFork, Fork
from config.genesis.canonical_code import CANYON_CREATE2_DEPLOYER, canonical_code
from evm.engine.message import MessageOutcome, run_message
from evm.engine.state import EvmState
from evm.forks import ForkRules
from evm.types import Address, Hash32

SYSTEM_CALL_GAS = 30_000_000


def system_call(state: EvmState, fork: ForkRules, target: Address, data: bytes) -> MessageOutcome:
    """Call `target` as the system address: no fee, no nonce, not counted against the block's gas."""
    state.mark_address_warm(target)
    outcome = run_message(
        state,
        fork,
        origin=SYSTEM_ADDRESS,
        sender=SYSTEM_ADDRESS,
        to=target,
        value=0,
        data=data,
        gas=SYSTEM_CALL_GAS,
        gas_price=0,
    )
    state.end_transaction(outcome.destroyed)
    return outcome


def activate_forks(state: EvmState, fork: ForkRules, parent_fork: ForkRules) -> None:
    """Change the state as a fork's first block does by itself: Canyon sets the code of its create2 deployer.

    Other forks use transactions for that. Spec: op canyon overview; op predeploys, "create2Deployer".
    """
    if fork.has_op(Fork.CANYON) and not parent_fork.has_op(Fork.CANYON):
        deployer = canonical_code(CANYON_CREATE2_DEPLOYER)
        state.set_code(deployer.address, deployer.code)
        state.end_transaction()


def begin_block(state: EvmState, fork: ForkRules, parent_hash: Hash32, parent_beacon_block_root: Hash32 | None) -> None:
    """Store the beacon block root and the parent's hash in their contracts, where these exist.

    Spec: EIP-4788, EIP-2935.
    """
    if fork.has(EthFork.CANCUN) and parent_beacon_block_root is not None and state.get_code(BEACON_ROOTS_ADDRESS):
        system_call(state, fork, BEACON_ROOTS_ADDRESS, parent_beacon_block_root)
    if fork.has(EthFork.PRAGUE) and state.get_code(HISTORY_STORAGE_ADDRESS):
        system_call(state, fork, HISTORY_STORAGE_ADDRESS, parent_hash)
