"""Runs deployment plans through any sender of L1 transactions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from config.errors import CriticalError
from config.types import Address, Hash32, L1BlockNumber, short, to_hex
from l1.deployment.addresses import L1Addresses
from l1.deployment.params import DeployParams
from l1.deployment.plan import Plan, PlannedCall, StepMachine, plan_contracts, plan_dispute_game


class DeploymentError(CriticalError):
    """A deployment transaction failed or did not do what was planned."""


@dataclass(frozen=True)
class SentCall:
    """What became of one transaction."""

    transaction_hash: Hash32
    succeeded: bool
    contract_address: Address | None
    block_number: L1BlockNumber
    block_hash: Hash32
    gas_used: int


class DeploymentSender(Protocol):
    """What a deployment needs of an L1 account."""

    @property
    def address(self) -> Address:
        """The account."""
        ...

    async def next_nonce(self) -> int:
        """The nonce of the account's next transaction, pending ones counted."""
        ...

    async def send_many(self, first_nonce: int, calls: Sequence[PlannedCall]) -> list[SentCall]:
        """Sends the calls with consecutive nonces, without waiting in between, and returns when all are included."""
        ...


async def deploy_contracts(sender: DeploymentSender, params: DeployParams) -> L1Addresses:
    """Phase 1: proxies, implementations and everything that can be initialised before L2 exists.

    The block of the last transaction, or any later one, can be the L1 block that the L2 genesis refers to.

    Raises:
        DeploymentError: a transaction failed; nothing that was deployed is to be used.
    """
    plan = plan_contracts(sender.address, await sender.next_nonce(), params)
    await run_plan(sender, plan)
    return plan.addresses


async def install_dispute_game(
    sender: DeploymentSender,
    addresses: L1Addresses,
    params: DeployParams,
    anchor_root: Hash32,
    anchor_block: int,
    prestate: Hash32,
    vm: Address | None = None,
    machine: StepMachine = StepMachine.ALPHABET,
) -> L1Addresses:
    """Phase 2: the anchor state, the game implementation, and handing over to owner and timelock.

    `anchor_root` is the output root of L2 block `anchor_block`, `prestate` the program's commitment. Returns the
    addresses with the game's. See `plan_dispute_game` for `vm` and `machine`.

    Raises:
        DeploymentError: a transaction failed.
    """
    nonce = await sender.next_nonce()
    plan = plan_dispute_game(sender.address, nonce, addresses, params, anchor_root, anchor_block, prestate, vm, machine)
    await run_plan(sender, plan)
    return plan.addresses


async def run_plan(sender: DeploymentSender, plan: Plan) -> list[SentCall]:
    """Sends all transactions of a plan and checks that each did what was planned.

    Raises:
        DeploymentError: one failed, or created its contract elsewhere.
    """
    results = await sender.send_many(plan.first_nonce, plan.calls)
    for call, result in zip(plan.calls, results, strict=True):
        where = f"Deployment transaction {short(result.transaction_hash)} ({call.label})"
        if not result.succeeded:
            raise DeploymentError(
                f"{where} failed in L1 block {result.block_number} after {result.gas_used} of {call.gas_limit} gas; "
                "look at the transaction, then deploy again from the start."
            )
        if result.contract_address is not None and call.creates is not None and result.contract_address != call.creates:
            raise DeploymentError(
                f"{where} created {to_hex(result.contract_address)} instead of {to_hex(call.creates)}: the account "
                "sent something else in between. Use an account of its own and deploy again from the start."
            )
    return results
