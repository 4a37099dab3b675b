"""The fault-proof program against chains that py-evm executed: natively, and in the fault-proof VM."""

import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import brotli
import pytest

from config.forks import Fork
from config.program import program_config
from derivation.codec import SingularBatch, SpanBatch, encode_batcher_transaction
from evm.native.derivation import DerivationStatus, NativeDerivationError
from evm.native.program import PreimageNotServed, ProgramOutcome, run_program
from evm.types import Address
from faultproof.preimage import MemorySource
from faultproof.vm.elf import read_elf
from faultproof.vm.machine import NativeMachine
from faultproof.vm.reference import program_output
from tests.actions.chains import L1_CONFIG
from tests.core.executed_world import ExecutedWorld
from tests.core.preimages import Preimages

pytestmark = pytest.mark.usefixtures("native_library")

PROGRAM = Path(__file__).resolve().parents[2] / "faultproof" / "programs" / "guest-fpvm.elf"
MAX_STEPS = 1 << 40

Run = Callable[[bytes, Preimages], ProgramOutcome]


def run_in_vm(config: bytes, preimages: Preimages) -> ProgramOutcome:
    """What the VM's program comes to."""
    if not PROGRAM.exists():
        pytest.skip("guest-fpvm.elf is not built")
    state, memory = read_elf(PROGRAM.read_bytes()).configured(config).state()
    machine = NativeMachine.load(state, memory.pages(), MemorySource(preimages.values))
    machine.run(MAX_STEPS)
    end = machine.moment
    output = program_output(machine)
    if end.exit_code > 1:
        raise AssertionError(f"exit code {end.exit_code}: {output.decode(errors='replace')}")
    return ProgramOutcome(output[:32], int.from_bytes(output[32:], "big"), end.exit_code == 0)


@pytest.fixture(params=["native", "vm"])
def run(request: pytest.FixtureRequest) -> Run:
    """The program, on either platform."""
    return run_program if request.param == "native" else run_in_vm


@pytest.fixture(scope="module")
def world() -> ExecutedWorld:
    """Twelve blocks in a span batch, with deposits and a changed gas limit on the way; L1 knows nothing later."""
    world = ExecutedWorld()
    world.l1.deposit(Address(b"\x31" * 20), Address(b"\x32" * 20), 5 * 10**18, 10**18, 50_000, b"hello")
    world.l1.update_system_config(2, (40_000_000).to_bytes(32, "big"))
    world.sequence(12, transactions=2)
    world.batcher.post([world.batcher.span(1, 12)])
    world.l1.mine(3)
    return world


def claim(world: ExecutedWorld, agreed: int, root_of: int, number: int, l1_head: int | None = None) -> Preimages:
    return world.preimages(agreed, world.l2.output_root(root_of), number, l1_head)


def test_the_root_of_a_block_is_found_from_genesis(world: ExecutedWorld, run: Run) -> None:
    outcome = run(world.config(), claim(world, 0, 12, 12))
    assert outcome == ProgramOutcome(world.l2.output_root(12), 12, True)


def test_every_block_follows_from_the_one_before(world: ExecutedWorld) -> None:
    for number in range(1, 13):
        outcome = run_program(world.config(), claim(world, number - 1, number, number))
        assert outcome == ProgramOutcome(world.l2.output_root(number), number, True)


def test_a_wrong_root_is_found_out(world: ExecutedWorld, run: Run) -> None:
    outcome = run(world.config(), world.preimages(7, b"\x66" * 32, 9))
    assert outcome == ProgramOutcome(world.l2.output_root(9), 9, False)
    assert not run(world.config(), claim(world, 7, 8, 9)).is_valid


def test_a_claim_below_the_agreed_block_is_wrong(world: ExecutedWorld, run: Run) -> None:
    assert not run(world.config(), claim(world, 7, 6, 6)).is_valid
    assert not run(world.config(), claim(world, 7, 7, 6)).is_valid


def test_a_claim_at_the_agreed_block_must_repeat_its_root(world: ExecutedWorld, run: Run) -> None:
    assert run(world.config(), claim(world, 7, 7, 7)).is_valid
    assert not run(world.config(), claim(world, 7, 8, 7)).is_valid


def test_when_l1_is_used_up_the_last_derived_block_counts(world: ExecutedWorld, run: Run) -> None:
    outcome = run(world.config(), claim(world, 10, 12, 17))
    assert outcome == ProgramOutcome(world.l2.output_root(12), 12, True)
    # With data for the claimed block the root of an earlier one is wrong.
    assert not run(world.config(), claim(world, 5, 7, 12)).is_valid


def test_before_the_batch_is_on_l1_nothing_follows_the_agreed_block(world: ExecutedWorld, run: Run) -> None:
    posted = next(block.number for block in world.l1.blocks if block.transactions)
    outcome = run(world.config(), claim(world, 3, 5, 5, l1_head=posted - 1))
    assert outcome == ProgramOutcome(world.l2.output_root(3), 3, False)


def test_the_program_asks_for_local_keys_1_to_5_and_no_others(world: ExecutedWorld) -> None:
    preimages = claim(world, 0, 12, 12)
    run_program(world.config(), preimages)
    local = [key for key in preimages.asked if key[0] == 1]
    assert local == [b"\x01" + number.to_bytes(31, "big") for number in range(1, 6)]
    assert {key[0] for key in preimages.asked} == {1, 2}
    kinds = {hint.split(" ")[0] for hint in preimages.hints if hint}
    assert kinds <= {
        "l1-block-header",
        "l1-transactions",
        "l1-receipts",
        "l2-output",
        "l2-block-header",
        "l2-transactions",
        "l2-state-node",
        "l2-code",
    }


def test_blobs_are_read_element_by_element(run: Run) -> None:
    world = ExecutedWorld(Fork.JOVIAN)
    world.sequence(6, transactions=3)
    world.batcher.post_blobs([world.batcher.span(1, 6)])
    world.l1.mine(2)
    preimages = claim(world, 2, 6, 6)
    assert run(world.config(), preimages) == ProgramOutcome(world.l2.output_root(6), 6, True)
    if run is run_program:
        assert sum(key[0] == 5 for key in preimages.asked) == 4096
        assert sum(key[0] == 4 for key in preimages.asked) == 1
        assert any(hint.startswith("l1-blob 0x01") and len(hint) == 10 + 2 * 40 for hint in preimages.hints)


def test_a_batch_that_makes_no_block_is_replaced_by_its_deposits(run: Run) -> None:
    world = ExecutedWorld()
    world.sequence(2)
    good = [world.batcher.singular(number) for number in (1, 2)]
    world.l2._nonce += 5
    orphan = world.l2.user_transaction()
    world.l2._nonce -= 6
    world.sequence(1, transactions=0)
    third = world.batcher.singular(3)
    bad = SingularBatch(third.parent_hash, third.epoch_number, third.epoch_hash, third.timestamp, (orphan,))
    world.batcher.post([*good, bad])
    world.l1.mine(2)
    # What was sequenced as an empty third block is what the bad batch leaves.
    assert run(world.config(), claim(world, 0, 3, 3)) == ProgramOutcome(world.l2.output_root(3), 3, True)


@pytest.mark.parametrize(("fork", "stands"), [(Fork.GRANITE, (0, 0, 0, 0)), (Fork.HOLOCENE, (2, 4, 5, 5))])
def test_an_impossible_block_undoes_the_blocks_of_its_span_before_holocene(fork: Fork, stands: tuple[int, ...]) -> None:
    """Block 5 of a span 1 to 8 cannot be made: before Holocene the blocks before it never were safe.

    Spec: op holocene derivation, "Span Batches" and "Engine Queue".
    """
    world = ExecutedWorld(fork)
    world.sequence(4)
    world.l2._nonce += 5
    orphan = world.l2.user_transaction()
    world.l2._nonce -= 6
    world.sequence(4, transactions=0)
    span = world.batcher.span(1, 8)
    assert isinstance(span, SpanBatch)
    blocks = (replace(block, transactions=(orphan,)) if n == 5 else block for n, block in enumerate(span.blocks, 1))
    world.batcher.post([replace(span, blocks=tuple(blocks))])
    world.l1.mine(2)
    for claimed, last in zip((2, 4, 5, 8), stands, strict=True):
        outcome = run_program(world.config(), claim(world, 0, claimed, claimed))
        assert outcome == ProgramOutcome(world.l2.output_root(last), last, claimed == last)
    # Another span without the block takes its place.
    world.batcher.post([world.batcher.span(1, 3)])
    world.l1.mine(2)
    last = 3 if fork < Fork.HOLOCENE else 5
    for claimed in (3, 8):
        outcome = run_program(world.config(), claim(world, 0, min(claimed, last), claimed))
        assert outcome == ProgramOutcome(world.l2.output_root(min(claimed, last)), min(claimed, last), True)


def test_without_batches_blocks_are_made_of_l1_alone(run: Run) -> None:
    world = ExecutedWorld()
    world.l1.mine(3)
    for _ in range(8):
        parent = world.l2.head
        following = world.l1.ref(parent.l1_origin.number + 1)
        late = parent.timestamp + 2 >= following.timestamp and parent.number > 0
        world.l2.sequence([], origin=following.number if late else parent.l1_origin.number)
    # Only past its sequencing window is an epoch without batches complete.
    world.l1.mine(40)
    outcome = run(world.config(), claim(world, 0, 8, 8))
    assert outcome.derived_number == 8
    assert outcome == ProgramOutcome(world.l2.output_root(8), 8, True)


def test_a_game_about_another_chain_is_refused(world: ExecutedWorld) -> None:
    preimages = claim(world, 0, 12, 12)
    preimages.add_local(5, (902).to_bytes(8, "big"))
    with pytest.raises(NativeDerivationError) as caught:
        run_program(world.config(), preimages)
    assert caught.value.status is DerivationStatus.INVALID


def test_a_preimage_that_is_not_served_is_named(world: ExecutedWorld) -> None:
    preimages = claim(world, 0, 12, 12)
    run_program(world.config(), preimages)
    missing = preimages.asked[len(preimages.asked) // 2]
    del preimages.values[missing]
    with pytest.raises(PreimageNotServed) as caught:
        run_program(world.config(), preimages)
    assert caught.value.key == missing


def test_an_l1_head_that_does_not_hold_the_agreed_blocks_origin_is_refused(world: ExecutedWorld) -> None:
    preimages = claim(world, 12, 12, 13, l1_head=0)
    with pytest.raises(NativeDerivationError) as caught:
        run_program(world.config(), preimages)
    assert caught.value.status is DerivationStatus.ORIGIN_MISMATCH


@pytest.mark.parametrize("fork", [Fork.HOLOCENE, Fork.ISTHMUS, Fork.JOVIAN, Fork.KARST])
def test_chains_of_each_fork_are_proven(fork: Fork) -> None:
    world = ExecutedWorld(fork)
    world.l1.deposit(Address(b"\x31" * 20), None, 10**18, 0, 100_000, b"\x60\x00")
    world.sequence(7, transactions=2)
    world.batcher.post([world.batcher.singular(number) for number in range(1, 8)])
    world.l1.mine(2)
    outcome = run_program(world.config(), claim(world, 0, 7, 7))
    assert outcome == ProgramOutcome(world.l2.output_root(7), 7, True)


def test_the_configuration_decides(world: ExecutedWorld) -> None:
    other = replace(world.l2.rollup, batch_inbox_address=Address(b"\x99" * 20))
    outcome = run_program(program_config(other, L1_CONFIG), claim(world, 0, 12, 12))
    assert outcome == ProgramOutcome(world.l2.output_root(0), 0, False)


@pytest.mark.parametrize("kind", ["zeros", "blocks", "zlib"])
def test_the_largest_channels_end_quietly_in_the_vm(kind: str) -> None:
    """100 MB of decompressed data: nothing but zeros, or one span batch of ten million empty blocks."""
    world = ExecutedWorld()
    world.sequence(2)
    if kind == "blocks":
        count = 10_000_000
        head = b"\x01\x02\x00" + bytes(40) + b"\x80\xad\xe2\x04" + bytes(count // 8) + bytes(count)
        content = b"\xba" + len(head).to_bytes(3, "big") + head
    else:
        content = bytes(120_000_000)
    compressed = zlib.compress(content, 9) if kind == "zlib" else b"\x01" + brotli.compress(content, quality=4)
    for frame in world.batcher.frames(compressed, 900_000):
        world.l1.send_calldata(encode_batcher_transaction([frame]))
    world.l1.mine()
    world.batcher.post([world.batcher.span(1, 2)])
    world.l1.mine(2)
    assert run_in_vm(world.config(), claim(world, 0, 2, 2)) == ProgramOutcome(world.l2.output_root(2), 2, True)
