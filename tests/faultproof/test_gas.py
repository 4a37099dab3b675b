"""What a step costs on L1, by kind, against a committed table (total, execution alone); `LAMINA_WRITE_GAS_TABLE=1` writes it."""

import json
import os
from pathlib import Path
from typing import NamedTuple

import pytest

from contracts import load_artifact
from evm.types import keccak256
from faultproof.preimage import keccak256_key, local_key
from faultproof.vm.elf import Program
from faultproof.vm.machine import NativeMachine
from faultproof.vm.reference import PreimageReader
from faultproof.vm.witness import Witness, witness
from tests.faultproof import assembler as asm
from tests.faultproof.opinions import LOCAL_CONTEXT, judge
from tests.faultproof.selftest_run import native, preimages

TABLE = Path(__file__).with_name("gas_per_step.json")
LARGEST_CODE = 24_576  # EIP-170
DATA = bytes(range(251)) * 8

ALU_TARGET = 70_000
WORST_TARGET = 150_000


class Gas(NamedTuple):
    """Of the contract alone, and of a transaction that calls it, where calldata has a floor. Spec: EIP-7623"""

    total: int
    execution: int


def step_gas(evidence: Witness) -> Gas:
    """What a step costs."""
    calldata = load_artifact("RISCV").encode_call("step", evidence.state_data, evidence.proof_data, LOCAL_CONTEXT)
    tokens = calldata.count(0) + 4 * (len(calldata) - calldata.count(0))
    judge().load_part(evidence)
    used = judge().send_step(evidence).gas_used
    return Gas(max(used, 21_000 + 10 * tokens), used - 21_000 - 4 * tokens)


def kind_of(machine: NativeMachine) -> str:
    """What the next step is, as far as its cost goes."""
    moment = machine.moment
    word = int.from_bytes(machine.read(moment.pc, 4), "little")
    if word == asm.ECALL:
        return {1: "set key", 2: "read", 93: "exit"}[moment.registers[17]]
    opcode, funct3 = word & 0x7F, word >> 12 & 7
    if opcode in (0x03, 0x23):
        offset = word >> 20 if opcode == 0x03 else (word >> 25) << 5 | word >> 7 & 31
        address = moment.registers[word >> 15 & 31] + (offset - 4096 if offset & 0x800 else offset)
        size = 1 << (funct3 & 3)
        crossing = "crossing " if address % 32 + size > 32 else ""
        return crossing + ("load" if opcode == 0x03 else "store")
    multiplies = opcode in (0x33, 0x3B) and word >> 25 == 1
    kinds = {0x63: "branch", 0x6F: "jump", 0x67: "jump"}
    return kinds.get(opcode, "multiply or divide" if multiplies else "ALU")


def crossing(machine: NativeMachine, name: str) -> NativeMachine:
    """The machine before an access across leaves, with the memory and registers of a program that runs."""
    fork = machine.fork()
    state = fork.state()
    state.registers[5] = 0x1002_0000 - 3
    make = asm.load("ld", 6, 5) if name == "crossing load" else asm.store("sd", 6, 5)
    pages = dict(fork.pages())
    page = bytearray(pages[state.pc // 4096])
    page[state.pc % 4096 : state.pc % 4096 + 4] = make.to_bytes(4, "little")
    pages[state.pc // 4096] = bytes(page)
    return NativeMachine.load(state, iter(pages.items()), machine.source)


@pytest.fixture(scope="module")
def gas(selftest: Program) -> dict[str, Gas]:
    """The most that a step of each kind costs among some of a real program's run."""
    found: dict[str, Gas] = {}
    counts: dict[str, int] = {}
    source = {**preimages(DATA), local_key(1): keccak256_key(keccak256(DATA))}
    machine = native(selftest, source)
    step = 0
    while not machine.moment.exited:
        kind = kind_of(machine)
        counts[kind] = counts.get(kind, 0) + 1
        if counts[kind] <= 4:
            found[kind] = max(found.get(kind, Gas(0, 0)), step_gas(witness(machine)))
            if kind == "ALU" and counts[kind] == 4:
                for name in ("crossing load", "crossing store"):
                    found[name] = step_gas(witness(crossing(machine, name)))
        step += 1 if step < 3000 else 301
        # The end is a kind of its own: do not run over it.
        fork = machine.fork() if step > 3000 else None
        machine.run(step)
        if fork is not None and machine.moment.exited:
            fork.run(machine.moment.step - 1)
            found[kind_of(fork)] = step_gas(witness(fork))
    found["after the end"] = step_gas(witness(machine))
    assert PreimageReader(machine.source).value(local_key(1))[8:] == keccak256_key(keccak256(DATA))
    return found


def test_steps_cost_what_the_table_says(gas: dict[str, Gas]) -> None:
    if os.environ.get("LAMINA_WRITE_GAS_TABLE"):
        TABLE.write_text(
            "{\n" + ",\n".join(f'  "{kind}": {json.dumps(list(cost))}' for kind, cost in sorted(gas.items())) + "\n}\n"
        )
    expected = json.loads(TABLE.read_text())
    assert gas.keys() == expected.keys()
    # Another program moves the totals a little, since zero bytes of calldata are cheaper.
    for kind, (total, execution) in expected.items():
        assert abs(gas[kind].total - total) < 2500, f"{kind}: {gas[kind]}"
        assert abs(gas[kind].execution - execution) < 400, f"{kind}: {gas[kind]}"


def test_an_alu_step_stays_below_its_target(gas: dict[str, Gas]) -> None:
    assert max(gas[kind].total for kind in ("ALU", "branch", "jump")) < ALU_TARGET


def test_the_dearest_step_stays_below_its_target(gas: dict[str, Gas]) -> None:
    assert max(cost.total for cost in gas.values()) < WORST_TARGET


def test_the_contract_fits_its_limit() -> None:
    assert 0 < len(load_artifact("RISCV").deployed_bytecode) < LARGEST_CODE
