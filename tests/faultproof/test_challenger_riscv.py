"""The challenger with the RISC-V machine: liars whose first false state is of every kind, up to the step on the real contract."""

from collections.abc import Callable

import pytest

from config.errors import CriticalError
from config.types import Hash32, L2BlockNumber
from evm.types import keccak256
from faultproof.challenger.driver import Challenger
from faultproof.challenger.ports import Output
from faultproof.challenger.programs import ProgramInputs
from faultproof.challenger.riscv import LocalDataSource, MachineTrace, RiscvProgram
from faultproof.preimage import MemorySource, PreimageSource, keccak256_key, local_key
from faultproof.vm.elf import Program, Segment
from faultproof.vm.machine import Machine, NativeMachine
from faultproof.vm.reference import ReferenceMachine
from faultproof.vm.witness import step_from_witness
from l1.contracts import GameStatus
from l1.deployment.plan import StepMachine
from tests.contracts.harness import Contract, deploy_l1
from tests.faultproof.challenger_world import LAST_BLOCK, LIAR, Node, World, claims_of, status_of
from tests.faultproof.vm import assembler as asm

CODE, KEYS, BUFFER, TEXT = 0x1000, 0x2000, 0x2100, b"what the program reads by its hash, longer than one read takes"
LIARS_LAST, HONEST_LAST = 12, 11
"""Depths of games about a false root: who makes the deepest claim, which is then the one that a step decides."""
TRACE_LENGTH = 1 << (HONEST_LAST - 4 - 1)


def right_root(number: int) -> Hash32:
    """The rule of the small program: the last byte of a block's output root is the number's."""
    return Hash32(keccak256(b"output %d" % number)[:31] + bytes([number & 0xFF]))


def judging_program() -> Program:
    """Reads the claimed root and its number from the dispute, a text by its hash, and judges by `right_root`'s rule."""
    words: list[int] = []

    def set_key(index: int) -> None:
        words.extend([asm.immediate("addi", 17, 0, 1), asm.immediate("addi", 10, 8, 32 * index), asm.ECALL])

    def read(count: int) -> None:
        words.extend(
            [
                asm.immediate("addi", 17, 0, 2),
                asm.immediate("addi", 10, 9, 0),
                asm.immediate("addi", 11, 0, count),
                asm.ECALL,
            ]
        )

    words += [asm.lui(8, KEYS), asm.lui(9, KEYS), asm.immediate("addi", 9, 9, BUFFER - KEYS)]
    set_key(0)
    read(32)
    read(8)
    words.append(asm.load("lbu", 18, 9, 7))  # the root's last byte
    set_key(1)
    read(16)
    words.append(asm.load("lbu", 19, 9, 15))  # the number's last byte
    set_key(2)
    read(32)
    words += [
        asm.store("sd", 18, 9, 0x1C),  # over the border of a leaf
        asm.branch("beq", 18, 19, 12),
        asm.immediate("addi", 10, 0, 1),
        asm.jal(0, 8),
        asm.immediate("addi", 10, 0, 0),
        asm.immediate("addi", 17, 0, 93),
        asm.ECALL,
    ]
    code = asm.code(words)
    keys = local_key(3) + local_key(4) + keccak256_key(keccak256(TEXT))
    return Program(CODE, (Segment(CODE, code, len(code)), Segment(KEYS, keys, 0x200)))


class Given(MemorySource):
    """Preimages of hashes, which need no evidence."""

    def evidence(self, key: bytes) -> None:
        raise AssertionError(f"nobody asks why key 0x{key.hex()} belongs to a hash")


def no_more(_: ProgramInputs) -> Given:
    return Given({keccak256_key(keccak256(TEXT)): TEXT})


def riscv_program(make: Callable[[PreimageSource], Machine]) -> RiscvProgram:
    return RiscvProgram(make(MemorySource({})), no_more, make)


def readable(source: PreimageSource) -> Machine:
    state, memory = judging_program().state()
    return ReferenceMachine(state, memory, source)


def fast(source: PreimageSource) -> Machine:
    state, memory = judging_program().state()
    return NativeMachine.load(state, memory.pages(), source)


def inputs(root: Hash32, number: int = LAST_BLOCK) -> ProgramInputs:
    zero = Hash32(bytes(32))
    return ProgramInputs(zero, zero, root, L2BlockNumber(number), 901, L2BlockNumber(number - 1))


def steps_of(root: Hash32) -> int:
    machine = readable(LocalDataSource(inputs(root), no_more(inputs(root))))
    machine.run(TRACE_LENGTH)
    assert machine.moment.exited
    return machine.moment.step


STEPS = steps_of(keccak256(b"lie about block 16"))

# --- traces ---


def test_a_trace_is_the_machines_run_state_by_state_and_step_by_step() -> None:
    given = inputs(right_root(LAST_BLOCK))
    source = LocalDataSource(given, no_more(given))
    trace = MachineTrace(fast(source), TRACE_LENGTH, interval=5)
    machine = readable(source)
    for steps in range(trace.steps):
        machine.run(steps)
        assert trace.state_hash_after(steps) == machine.state().hash()
    machine.run(TRACE_LENGTH)
    assert machine.state().hash()[0] == 0
    for beyond in (trace.steps, trace.steps + 1, TRACE_LENGTH):
        assert trace.state_hash_after(beyond) == machine.state().hash()


def test_the_witness_of_every_step_leads_to_the_next_state() -> None:
    given = inputs(right_root(LAST_BLOCK))
    trace = riscv_program(fast).trace(given, TRACE_LENGTH)
    reads = 0
    for steps in range(STEPS + 1):
        evidence = trace.step_after(steps)
        reads += len(evidence.preimages)

        class Oracle:
            def read(self, key: bytes, offset: int) -> bytes:
                (need,) = evidence.preimages  # noqa: B023
                assert (need.key, need.offset) == (key, offset)
                return (len(need.value).to_bytes(8, "big") + need.value)[offset : offset + 32]

        after = step_from_witness(evidence.state_data, evidence.proof, Oracle())
        assert after.hash() == trace.state_hash_after(steps + 1)
    assert reads == 4


def test_a_run_that_does_not_end_within_a_games_trace_is_an_error() -> None:
    given = inputs(right_root(LAST_BLOCK))
    with pytest.raises(CriticalError, match="has not ended after 16 steps"):
        MachineTrace(readable(LocalDataSource(given, no_more(given))), 16)


def test_a_long_run_keeps_few_copies_and_still_finds_every_moment() -> None:
    loop = [
        asm.immediate("addi", 18, 18, 1),
        asm.branch("bne", 18, 19, -4),
        asm.immediate("addi", 17, 0, 93),
        asm.ECALL,
    ]
    code = asm.code([asm.immediate("addi", 19, 0, 1000), *loop])
    state, memory = Program(CODE, (Segment(CODE, code, len(code)),)).state()

    def machine() -> NativeMachine:
        return NativeMachine.load(state, memory.pages(), MemorySource({}))

    trace = MachineTrace(machine(), 1 << 20, interval=1)
    assert trace.steps == 2003
    for steps in (0, 1, 2, 500, 1001, 1002, 1999, 2002, 2003):
        other = machine()
        other.run(steps)
        assert trace.state_hash_after(steps) == other.state().hash()


# --- games ---


def world_of(program: RiscvProgram, max_depth: int) -> World:
    system = deploy_l1(max_depth, 4, machine=StepMachine.RISCV, prestate=program.prestate)
    return World(system=system, program=program, right_root=right_root)


KINDS = {
    "the first step": 1,
    "an ALU step": 3,
    "a read of local data": 10,
    "a load": 15,
    "a read of a shorter local value": 22,
    "a read by hash": 30,
    "a crossing store": 31,
    "a branch": 32,
    "the exit": STEPS,
    "the step after the exit": STEPS + 1,
}


@pytest.mark.parametrize("first_false", KINDS.values(), ids=KINDS)
async def test_a_false_root_loses_by_the_instruction_that_the_liar_got_wrong(first_false: int) -> None:
    world = world_of(riscv_program(fast), LIARS_LAST)
    honest, sender = world.honest()
    liar, _ = world.liar(LAST_BLOCK, first_false)
    game = world.propose(keccak256(b"lie about block 16"), sender=LIAR)
    await _loses_by_one_step(world, game, honest, liar)
    assert sender.reverted == []


async def _loses_by_one_step(world: World, game: Contract, honest: Challenger, liar: Challenger) -> None:
    await world.play([honest, liar])
    assert max(claim[5].bit_length() - 1 for claim in claims_of(game)) == LIARS_LAST
    assert honest.status().counters.steps == 1
    world.pass_clocks()
    await world.play([honest])
    assert status_of(game) is GameStatus.CHALLENGER_WINS
    assert game.call("normalModeCredit", LIAR) == 0


@pytest.mark.parametrize("first_false", [10, 31, STEPS + 1])
async def test_a_true_root_wins_by_the_instruction_that_the_liar_got_wrong(first_false: int) -> None:
    world = world_of(riscv_program(fast), HONEST_LAST)
    honest, sender = world.honest()
    liar, _ = world.liar(9, first_false)
    game = world.propose(right_root(LAST_BLOCK))
    await world.play([liar, honest])
    assert max(claim[5].bit_length() - 1 for claim in claims_of(game)) == HONEST_LAST
    assert sender.reverted == []
    assert honest.status().counters.steps > 0
    world.pass_clocks()
    await world.play([honest])
    assert status_of(game) is GameStatus.DEFENDER_WINS
    assert game.call("normalModeCredit", LIAR) == 0


class Standing(Node):
    """A node that stands still at a block and takes its output for that of every later one."""

    STANDS_AT = LAST_BLOCK - 5

    async def output_at(self, number: int) -> Output:
        """The true ones up to there."""
        return await super().output_at(min(number, self.STANDS_AT))


async def test_the_root_of_a_block_claimed_for_one_five_later_loses_by_bisection_too() -> None:
    world = world_of(riscv_program(fast), LIARS_LAST)
    # Else the challenger recognises the root and needs no bisection.
    honest, sender = world.honest(neighbours=0)
    liar, _ = world.liar(LAST_BLOCK, STEPS, Standing(world))
    game = world.propose(right_root(Standing.STANDS_AT), sender=LIAR)
    await _loses_by_one_step(world, game, honest, liar)
    assert game.call("l2BlockNumberChallenged") is False
    assert sender.reverted == []


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_whole_game_at_the_depths_of_public_chains_is_won_by_the_exit() -> None:
    program = riscv_program(fast)
    system = deploy_l1(73, 30, machine=StepMachine.RISCV, prestate=program.prestate)
    world = World(system=system, program=program, right_root=right_root)
    game = world.propose(keccak256(b"lie about block 16"), sender=LIAR)
    honest, sender = world.honest()
    liar, _ = world.liar(LAST_BLOCK, STEPS)
    await world.play([honest, liar], rounds=80)
    claims = claims_of(game)
    assert max(claim[5].bit_length() - 1 for claim in claims) == 73
    assert sender.reverted == []
    world.pass_clocks()
    await world.play([honest], rounds=90)
    assert status_of(game) is GameStatus.CHALLENGER_WINS
    assert game.call("normalModeCredit", LIAR) == 0
