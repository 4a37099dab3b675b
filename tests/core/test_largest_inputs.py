"""The largest inputs that the rules allow neither break the programs nor leave the VM's memory and the longest trace.

`make test` runs them at a small scale and bounds what the full size would take, since all of it grows in proportion.
`make adversary` sets `LAMINA_LARGEST` to 1 and runs the full size: hours of L1 in one claim, channels of 100 MB, blocks of
30 million gas.
"""

import os
import zlib
from collections.abc import Callable, Mapping
from random import Random

import brotli
import pytest

from derivation.codec import Frame, SingularBatch, encode_batch, encode_batcher_transaction
from evm.engine.stateless import StatelessCase
from evm.engine.witness import payload_witness
from evm.native.program import run_program
from evm.rules import L2Rules
from evm.types.rlp import encode
from faultproof.exec_program import PROGRAM_PATH, GuestResult, execute_in_guest
from faultproof.shipped import FAULT_PROOF_PROGRAM
from tests.core.block_kit import attributes_after
from tests.core.block_strategies import push
from tests.core.executed_world import ExecutedWorld
from tests.core.proof import LONGEST_TRACE, Proof, prove
from tests.evm import engine_kit
from tests.evm.engine_kit import CONTRACT, GAS_LIMIT, Funded, transaction

pytestmark = [pytest.mark.usefixtures("native_library"), pytest.mark.slow]

SCALE = float(os.environ.get("LAMINA_LARGEST", "0.004"))
"""The part of the full size that is run."""

CHANNEL_BYTES = 100_000_000
"""Decompressed bytes of a channel. Spec: op fjord derivation, "Increasing MAX_RLP_BYTES_PER_CHANNEL"."""

SEQUENCING_WINDOW = 3_600
MAX_FRAME_BYTES = 1_000_000
HEAP_BYTES = (1 << 32) - (1 << 28) - (1 << 22)
"""What the VM's memory has above stack and program."""

RANDOM = Random(4)


def run_and_bound(name: str, world: ExecutedWorld, claimed: int, scale: float = SCALE) -> Proof:
    """Prove the right claim about block `claimed` natively and in the VM; the full size must fit the VM, too."""
    if not FAULT_PROOF_PROGRAM.exists():
        pytest.skip("guest-fpvm.elf is not built")
    last = min(claimed, len(world.l2.blocks) - 1)
    preimages = world.preimages(0, world.l2.output_root(last), claimed)
    outcome = run_program(world.config(), preimages)
    assert (outcome.derived_number, outcome.is_valid) == (last, True)
    proof = prove(world.config(), preimages.values)
    assert proof.exit_code == 0, proof.output
    steps, heap = proof.steps / scale, proof.heap / scale
    print(
        f"{name} at {scale:g} of the full size: {proof.steps:,} steps, heap {proof.heap:,} bytes, {dict(proof.parts)}"
    )
    assert steps < LONGEST_TRACE, f"{name}: {steps:,.0f} steps at full size"
    assert heap < HEAP_BYTES, f"{name}: a heap of {heap:,.0f} bytes at full size"
    return proof


def post_channel(compressed: bytes) -> ExecutedWorld:
    """A chain of two blocks whose batches are in an ordinary channel, behind one with this content."""
    world = ExecutedWorld(seq_window_size=SEQUENCING_WINDOW)
    world.sequence(2)
    frames = [compressed[start : start + MAX_FRAME_BYTES] for start in range(0, len(compressed), MAX_FRAME_BYTES)]
    for number, part in enumerate(frames):
        frame = Frame(b"\x77" * 16, number, part, number == len(frames) - 1)
        world.l1.send_calldata(encode_batcher_transaction([frame]))
        if number % 2:
            world.l1.mine()
    world.l1.mine()
    world.batcher.post([world.batcher.span(1, 2)])
    world.l1.mine(2)
    return world


def compress_brotli(data: bytes) -> bytes:
    return b"\x01" + bytes(brotli.compress(data, quality=1, lgwin=22))


def batches_that_do_not_fit(size: int) -> bytes:
    """Singular batches full of noise: as long compressed as not."""
    batches, length = [], 0
    while length < size:
        noise = RANDOM.randbytes(min(100_000, size - length))
        batch = SingularBatch(b"\x01" * 32, 0, b"\x02" * 32, 12, (b"\x02" + noise,))  # type: ignore[arg-type]
        batches.append(encode(encode_batch(batch, engine_kit.CHAIN_ID)))
        length += len(batches[-1])
    return b"".join(batches)


def span_of_empty_blocks(size: int) -> bytes:
    """One span batch of as many blocks as there may be, ten million at full size; it is about another parent."""

    def varint(number: int) -> bytes:
        return bytes([number % 128 | 128]) + varint(number // 128) if number > 127 else bytes([number])

    blocks = size // 10
    content = varint(2) + varint(1) + b"\x01" * 20 + b"\x02" * 20 + varint(blocks) + bytes(-(-blocks // 8))
    return encode(b"\x01" + content + bytes(blocks))


CHANNELS: dict[str, Callable[[int], bytes]] = {
    "a channel of noise": lambda size: compress_brotli(batches_that_do_not_fit(size)),
    "a bomb of zlib": lambda size: zlib.compress(bytes(size * 11 // 10), 9),
    "a bomb of brotli": lambda size: compress_brotli(bytes(size * 11 // 10)),
    "a bomb of one batch": lambda size: compress_brotli(encode(bytes(size - 5))),
    "a span of ten million blocks": lambda size: compress_brotli(span_of_empty_blocks(size)),
}


@pytest.mark.parametrize("name", CHANNELS)
def test_the_largest_channels_fit(name: str) -> None:
    run_and_bound(name, post_channel(CHANNELS[name](int(CHANNEL_BYTES * SCALE))), 2)


def test_a_window_of_headers_without_batches_fits() -> None:
    window = max(30, int(SEQUENCING_WINDOW * SCALE))
    world = ExecutedWorld(seq_window_size=window)
    blocks = 12
    world.l1.mine(blocks // 6 + 1)
    for _ in range(blocks):
        parent = world.l2.head
        following = world.l1.ref(parent.l1_origin.number + 1)
        late = parent.timestamp + 2 >= following.timestamp and parent.number > 0
        world.l2.sequence([], origin=following.number if late else parent.l1_origin.number)
    world.l1.mine(window + 10)
    run_and_bound("a window of headers", world, blocks, window / SEQUENCING_WINDOW)


def test_a_whole_window_of_empty_epochs_fits() -> None:
    """Every epoch of the window is without batches, and all its blocks are derived and executed."""
    epochs = max(10, int(SEQUENCING_WINDOW * SCALE))
    world = ExecutedWorld(seq_window_size=epochs)
    world.l1.mine(2 * epochs + 2)
    for _ in range(6 * epochs - 6):
        parent = world.l2.head
        following = world.l1.ref(parent.l1_origin.number + 1)
        late = parent.timestamp + 2 >= following.timestamp and parent.number > 0
        world.l2.sequence([], origin=following.number if late else parent.l1_origin.number)
    run_and_bound("a window of empty epochs", world, len(world.l2.blocks) - 1, epochs / SEQUENCING_WINDOW)


# --- the costliest instructions ---


def loop(body: bytes, before: bytes = b"") -> bytes:
    """A program that repeats its body until the gas runs out."""
    return before + b"\x5b" + body + push(len(before)) + b"\x56"


def call(address: int, size: int) -> bytes:
    """A call of a precompile with the first bytes of memory."""
    arguments = (0, 0, size, 0, address)
    return b"".join(map(push, arguments)) + b"\x5a\xfa\x50"


def after(memory: bytes, body: bytes) -> bytes:
    """A loop with this in memory."""
    words = [memory[start : start + 32].ljust(32, b"\0") for start in range(0, len(memory), 32)]
    stores = b"".join(push(int.from_bytes(word, "big")) + push(32 * n) + b"\x52" for n, word in enumerate(words))
    return loop(body, stores)


def _modexp(size: int, exponent: bytes) -> bytes:
    lengths = b"".join(number.to_bytes(32, "big") for number in (size, len(exponent), size))
    return lengths + b"\xff" * size + exponent + b"\xff" * size


GENERATOR = (1).to_bytes(32, "big") + (2).to_bytes(32, "big")
G2 = b"".join(
    number.to_bytes(32, "big")
    for number in (
        0x198E9393920D483A7260BFB731FB5D25F1AA493335A9E71297E485B7AEF312C2,
        0x1800DEEF121F1E76426A00665E5C4479674322D4F75EDADD46DEBD5CD992F6ED,
        0x090689D0585FF075EC9E99AD690C3395BC4B313370B38EF355ACDADCD122975B,
        0x12C85EA5DB8C6DEB4AAB71808DCB408FE3D1E7690C43D37B4CE6CC0166FA7DAA,
    )
)
SIGNED = transaction()
SIGNATURE = SIGNED.signing_hash() + b"".join(
    number.to_bytes(32, "big") for number in (27 + SIGNED.y_parity, SIGNED.r, SIGNED.s)
)
WORD = (1 << 256) - 3
COUNT = push(1) + b"\x01"

COSTLY = {
    "modexp": after(_modexp(256, b"\xff" * 3), call(5, 96 + 256 + 3 + 256)),
    "modexp of one limb": after(_modexp(8, b"\xff" * 32), call(5, 96 + 8 + 32 + 8)),
    "ecrecover": after(SIGNATURE, call(1, 128)),
    "pairing": after(GENERATOR + G2, call(8, 192)),
    "scalar multiplication": after(GENERATOR + b"\xff" * 32, call(7, 96)),
    "addition of points": after(GENERATOR + GENERATOR, call(6, 128)),
    "blake2f of one round": after((1).to_bytes(4, "big") + bytes(209), call(9, 213)),
    "blake2f of many rounds": after((10_000).to_bytes(4, "big") + bytes(209), call(9, 213)),
    "ripemd160": after(b"", call(3, 2_000)),
    "sha256 of a word": after(b"", call(2, 32)),
    "sha256 of many": after(b"", call(2, 2_000)),
    "keccak of nothing": loop(push(0) + push(0) + b"\x20\x50"),
    "keccak of blocks": loop(push(136 * 8) + push(0) + b"\x20\x50"),
    "addmod": loop(push(WORD) + push(WORD - 1) + push(WORD - 2) + b"\x08\x50"),
    "mulmod": loop(push(WORD) + push(WORD - 1) + push(WORD - 2) + b"\x09\x50"),
    "sdiv": loop(push((1 << 129) + 1) + push(WORD) + b"\x05\x50"),
    "exp": loop(push(WORD) + push(WORD) + b"\x0a\x50"),
    "cold slots": loop(COUNT + b"\x80\x54\x50", push(0)),
    "cold accounts": loop(COUNT + b"\x80\x31\x50", push(0)),
    "new slots": loop(COUNT + b"\x80\x80\x55", push(0)),
    "logs": loop(push(0) + push(0) + push(0) + push(0) + b"\xa2"),
    "jumps": loop(b"\x5b"),
}


def execute(code: bytes, gas: int, storage: Mapping[int, int]) -> GuestResult:
    """A block with one transaction that calls this code with so much gas."""
    bench = engine_kit.l2({CONTRACT: Funded(code=code, storage=storage)})
    payload = transaction(to=CONTRACT, value=0, gas_limit=gas).raw
    attributes = attributes_after(bench, transactions=(payload,))
    executed = bench.engine.derive(bench.head, attributes)
    rules = bench.engine.rules
    assert isinstance(rules, L2Rules)
    witness = payload_witness(rules, bench.state, bench, bench.head.hash, attributes).values()
    result = execute_in_guest(StatelessCase(rules.rollup, bench.head, attributes, witness, executed.block.hash))
    assert (result.hash, result.gas_used) == (executed.block.hash, gas)
    return result


@pytest.mark.parametrize("name", COSTLY)
def test_a_block_of_the_costliest_instructions_fits(name: str) -> None:
    if not PROGRAM_PATH.exists():
        pytest.skip("guest-exec.elf is not built")
    gas = min(max(100_000, int(GAS_LIMIT * SCALE)), GAS_LIMIT - 1_000_000)
    storage = {slot: WORD - slot for slot in range(1, 1 + gas // 2_100)} if name == "cold slots" else {}
    idle, result = execute(b"\xfe", gas, {}), execute(COSTLY[name], gas, storage)
    assert result.steps > idle.steps, f"{name} fails before it has begun"
    per_gas = result.steps / result.gas_used
    print(f"{name}: {result.steps:,} steps for {result.gas_used:,} gas, {per_gas:.0f} per gas")
    # A claim is about many blocks, so one must take a small part of the trace.
    assert per_gas * GAS_LIMIT < LONGEST_TRACE / 100
