"""What the programs of the fault-proof VM cost, in instructions: exact, and the same on every machine.

`guest-exec.elf` executes a block from its witness. `guest-fpvm.elf` proves a claim: it walks L1 back from its head, reads
receipts and blobs, derives and executes. Its instructions are told apart by the preimages that it asks for: what it does
until the next request belongs to the last one, and from the last of L1 to the first of L2 it decompresses and derives.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.derivation import posted_rollup
from benchmarks.execution import workload
from benchmarks.local_rollup import LocalChain, LocalRollup
from benchmarks.report import Figure, report
from benchmarks.transactions import ETHER, account, transfer
from config.program import program_config
from config.types import Address, Hash32
from evm.engine.stateless import StatelessCase
from evm.engine.witness import payload_witness
from evm.store.diff import CODE_PREFIX, NODE_PREFIX
from evm.types import Header
from faultproof.exec_program import PROGRAM_PATH, execute_in_guest
from faultproof.shipped import FAULT_PROOF_PROGRAM
from tests.actions.chains import L1_CONFIG
from tests.core.preimages import Preimages
from tests.core.proof import prove
from tests.core.toolchain import ensure_native_library

MESSAGE_PASSER = Address(bytes.fromhex("4200000000000000000000000000000000000016"))
_TARGETS = {1: 3, 10: 15, 100: 120}
_BLOB_TARGET = 40


def output_preimage(local: LocalChain, header: Header) -> bytes:
    """What a block's output root is the hash of. Spec: op proposals, "L2 Output Commitment Construction"."""
    passer = local.chain.state_at(header).account(MESSAGE_PASSER)
    assert passer is not None
    return bytes(32) + header.state_root + passer.storage_root + header.hash


def claim(local: LocalChain, agreed: int, claimed: int) -> Preimages:
    """All there is to serve for the right claim about block `claimed`, `agreed` being agreed upon."""
    preimages, l1, chain = Preimages(), local.world.l1, local.chain
    for block in l1.blocks:
        preimages.add_block(block, l1.receipts(block.hash))
    for versioned_hash, blob in l1._blobs.items():
        preimages.add_blob(versioned_hash, blob)
    roots: dict[int, Hash32] = {}
    for number in range(claimed + 1):
        l2_block = chain.block_by_number(number)
        assert l2_block is not None
        if number <= agreed:
            preimages.add_block(l2_block)
        roots[number] = Hash32(preimages.add(output_preimage(local, l2_block.header)))
    for prefix in (NODE_PREFIX, CODE_PREFIX):
        for _, value in chain.kv.scan(prefix):
            preimages.add(value)
    chain_id = local.world.rollup.l2_chain_id
    numbers = (claimed.to_bytes(8, "big"), chain_id.to_bytes(8, "big"))
    for index, item in enumerate((l1.head.hash, roots[agreed], roots[claimed], *numbers), 1):
        preimages.add_local(index, item)
    return preimages


def _measure_blocks() -> None:
    senders = [account(f"sender {index}") for index in range(max(_TARGETS))]
    world = LocalRollup(accounts={address: 1000 * ETHER for address, _ in senders})
    with tempfile.TemporaryDirectory(prefix="lamina-bench-") as directory:
        local = world.open(Path(directory))
        local.sequence()
        chain = local.chain
        (raws,) = workload(senders, 1, 0, transfer)
        for count, target in _TARGETS.items():
            attributes = local.next_attributes()
            attributes = replace(attributes, transactions=(*attributes.transactions, *raws[:count]))
            executed = chain.engine.derive(chain.head, attributes)
            witness = payload_witness(world.rules, chain.state, chain, chain.head.hash, attributes).values()
            case = StatelessCase(world.rollup, chain.head, attributes, witness, executed.block.hash)
            result = execute_in_guest(case)
            if result.hash != executed.block.hash:
                raise RuntimeError(f"the guest made another block of {count} transfers")
            name = f"guest_exec_{count}_transfer{'s' if count > 1 else ''}"
            detail = {"witnessBytes": sum(map(len, witness.values())), "gas": result.gas_used}
            report(Figure(name, result.steps / 1e6, "million instructions", "target", target, detail))
        local.close()


def _measure_claim(blocks: int, per_block: int) -> None:
    with posted_rollup(blocks, per_block) as (sequencer, _, _, blobs):
        preimages = claim(sequencer, 0, blocks)
        proof = prove(program_config(sequencer.world.rollup, L1_CONFIG), preimages.values)
    if proof.exit_code:
        raise RuntimeError(f"the right claim is refused: {proof.exit_code}, {proof.output!r}")
    millions = {part: round(steps / 1e6, 2) for part, steps in sorted(proof.parts.items())}
    detail: dict[str, object] = {
        "blocks": blocks,
        "transfersPerBlock": per_block,
        "blobs": blobs,
        "heapBytes": proof.heap,
    }
    detail |= {"partsInMillions": millions, "requests": dict(sorted(proof.requests.items()))}
    report(Figure("guest_claim", proof.steps / 1e6, "million instructions", detail=detail))
    per_blob = proof.parts["blobs"] / blobs / 1e6
    report(Figure("guest_blob", per_blob, "million instructions", "target", _BLOB_TARGET, {"blobs": blobs}))


def main(blocks: int = 20, per_block: int = 20) -> int:
    """Measure blocks of 1, 10 and 100 transfers, and a claim about so many blocks; 1 without the native library."""
    if ensure_native_library() is None:
        print("guest: the native library is not built, and ziglang is not installed", file=sys.stderr)
        return 1
    for path in (PROGRAM_PATH, FAULT_PROOF_PROGRAM):
        size = path.stat().st_size
        report(Figure(f"{path.stem.replace('-', '_')}_bytes", size, "bytes", "target", 1_000_000))
    _measure_blocks()
    _measure_claim(blocks, per_block)
    return 0


if __name__ == "__main__":
    sys.exit(main(*(int(value) for value in sys.argv[1:])))
