"""What a dispute at the depths of public chains costs: the time for its trace, and gas and rounds on L1.

The trace is that of the fault-proof program for one block of 100 transfers out of a blob; a bisection over all of a game's
levels asks for a state hash at each and ends with the witness of one step. The game is played on the real contracts, by the
challenger against a liar, about a small program, since gas does not depend on the program's size.
"""

import asyncio
import json
import sys
from pathlib import Path

from benchmarks.derivation import posted_rollup
from benchmarks.guest import claim
from benchmarks.report import Figure, report
from benchmarks.stopwatch import Stopwatch
from config.program import program_config
from faultproof.challenger.riscv import MachineTrace
from faultproof.preimage import MemorySource
from faultproof.shipped import FAULT_PROOF_PROGRAM
from faultproof.vm.elf import read_elf
from faultproof.vm.machine import NativeMachine
from l1.deployment.plan import StepMachine
from tests.actions.chains import L1_CONFIG
from tests.contracts.harness import deploy_l1
from tests.core.toolchain import ensure_native_library
from tests.faultproof.challenger_world import LAST_BLOCK, LIAR, World, claims_of, false_root
from tests.faultproof.test_challenger_riscv import STEPS, fast, right_root, riscv_program

MAX_DEPTH, SPLIT_DEPTH = 73, 30
STEP_GAS = Path(__file__).parents[1] / "tests" / "faultproof" / "vm" / "gas_per_step.json"
_TRACE_TARGET = 60
_ALU_TARGET, _WORST_TARGET = 70_000, 150_000


def measure_trace(transfers: int) -> None:
    """Reports the processor time of all trace commitments of a game."""
    with posted_rollup(1, transfers) as (sequencer, _, _, _):
        known = claim(sequencer, 0, 1).values
        program = read_elf(FAULT_PROOF_PROGRAM.read_bytes())
        state, memory = program.configured(program_config(sequencer.world.rollup, L1_CONFIG)).state()
    levels = MAX_DEPTH - SPLIT_DEPTH - 1
    watch, hashes = Stopwatch(), 0
    with watch:
        run = MachineTrace(NativeMachine.load(state, memory.pages(), MemorySource(known)), 1 << levels)
        low, high = 0, 1 << levels
        target = run.steps * 2 // 3
        while high - low > 1:
            middle = (low + high) // 2
            run.state_hash_after(middle)
            hashes += 1
            low, high = (middle, high) if middle <= target else (low, middle)
        run.step_after(low)
    detail = {"steps": run.steps, "stateHashes": hashes, "transfers": transfers, "byClock": round(watch.wall[0], 2)}
    report(Figure("dispute_trace", watch.cpu[0], "seconds of processor time", "target", _TRACE_TARGET, detail))


def report_steps() -> None:
    """Reports the gas of a step by kind: what a test of the contract measures and keeps up to date."""
    gas = {kind: total for kind, (total, _) in json.loads(STEP_GAS.read_text()).items()}
    report(Figure("step_gas_alu", gas["ALU"], "gas", "target", _ALU_TARGET))
    worst = max(gas, key=gas.__getitem__)
    report(Figure("step_gas_worst", gas[worst], "gas", "target", _WORST_TARGET, {"kind": worst, "all": gas}))


async def measure_game() -> None:
    """Reports what a whole game costs each side on L1 besides bonds, and in how many rounds it is played and settled."""
    program = riscv_program(fast)
    system = deploy_l1(MAX_DEPTH, SPLIT_DEPTH, machine=StepMachine.RISCV, prestate=program.prestate)
    world = World(system=system, program=program, right_root=right_root)
    honest, ours = world.honest()
    liar, theirs = world.liar(LAST_BLOCK, STEPS)
    game = world.propose(false_root(LAST_BLOCK), sender=LIAR)
    rounds = 0
    while len(claims_of(game)) <= MAX_DEPTH:
        await honest.tick()
        await liar.tick()
        rounds += 1
    moved = len(ours.receipts)
    world.pass_clocks()
    settling = 0
    while game.call("status") == 0:
        await honest.tick()
        settling += 1
    settled = sum(receipt.gas_used for receipt in ours.receipts[moved:])
    bonds = [claim[3] for claim in claims_of(game)]
    detail = {
        "settlingGas": settled,
        "liarsGas": sum(receipt.gas_used for receipt in theirs.receipts),
        "claims": len(bonds),
        "allBondsInEther": round(sum(bonds) / 10**18, 2),
        "largestBondInEther": round(max(bonds) / 10**18, 2),
    }
    report(Figure("dispute_gas", sum(receipt.gas_used for receipt in ours.receipts), "gas", detail=detail))
    report(Figure("dispute_rounds", rounds, "rounds", detail={"toSettle": settling, "maxDepth": MAX_DEPTH}))


def main(transfers: int = 100) -> int:
    """Print the figures; 1 without the native library."""
    if ensure_native_library() is None:
        print("disputes: the native library is not built, and ziglang is not installed", file=sys.stderr)
        return 1
    measure_trace(transfers)
    report_steps()
    asyncio.run(measure_game())
    return 0


if __name__ == "__main__":
    sys.exit(main(*(int(value) for value in sys.argv[1:])))
