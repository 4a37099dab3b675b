"""The fault-proof program behind a prologue of ours: steps that its own code never makes, or for which a chain gives no cause.

Compiled code stores where alignment lets it. And where L1 is anvil no batch is in a blob, so nothing there reads one. The
prologue does both and jumps to where the program starts, which depends on no register and on none of the memory used here:
the verdict at the end is the program's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from config.l1_chain import L1ChainConfig
from config.types import to_hex
from evm.types import keccak256
from faultproof.host.blobs import FIELD_ELEMENTS, evaluation_points
from faultproof.host.hints import HintKind
from faultproof.preimage import blob_key, sha256_key
from faultproof.vm.elf import Segment, read_elf
from faultproof.vm.memory import LEAF_SIZE
from faultproof.vm.step import A0, A1, A7, READ, SET_KEY
from l1.candidate import TxCandidate
from l1.kzg import KzgWorker
from l1.kzg_core import commitment_of, versioned_hash
from l1.txmgr import TxManager
from tests.actions.disputes.stage import PROGRAM, Stage
from tests.faultproof.vm import assembler as asm
from tests.faultproof.vm.elf_files import elf_of

_CODE, _DATA, _SCRATCH = 0x1000, 0x2000, 0x3000
"""Far below all that the program's stack reaches."""
_HALF = 0x4000_0000
"""Half of the border: only the root is above both leaves there. No heap comes so far."""
_A2, _ADDRESS, _VALUE = 12, 5, 6


@dataclass(frozen=True)
class Reading:
    """One read of a preimage, and the hint that goes before it."""

    key: bytes
    hint: bytes


@dataclass(frozen=True)
class PlannedBlob:
    """A blob that L1 is going to have in a block of a given timestamp, so that a program can know of it before."""

    timestamp: int

    @property
    def content(self) -> bytes:
        """Its 131,072 bytes."""
        return b"".join(b"\x00" + keccak256(number.to_bytes(2, "big"))[1:] for number in range(FIELD_ELEMENTS))

    def readings(self) -> list[Reading]:
        """Of its commitment, and of one of its elements."""
        commitment = commitment_of(self.content)
        about = versioned_hash(commitment) + self.timestamp.to_bytes(8, "big")
        hint = f"{HintKind.L1_BLOB} {to_hex(about)}".encode()
        keys = (sha256_key(sha256(commitment).digest()), blob_key(commitment, evaluation_points()[1]))
        return [Reading(key, hint) for key in keys]

    async def post(self, made: Stage) -> None:
        """Put it into an L1 block of anvil's at its time, behind all that the chain was derived from."""
        head = await made.l1.head()
        assert head.timestamp < self.timestamp, "the planned time has passed"
        with_kzg = KzgWorker()
        wallet = made.parts.wallets[6]
        sender = TxManager(
            made.parts.l1,
            wallet.key,
            made.parts.l1_chain_id,
            kzg=with_kzg,
            l1_chain=L1ChainConfig.load(made.directory / "l1-chain.json"),
        )
        try:
            await made.parts.l1.call("evm_setNextBlockTimestamp", [self.timestamp])
            receipt = await made.mining(sender.send(TxCandidate(wallet.address, blobs=(self.content,))))
        finally:
            await sender.close()
            with_kzg.close()
        block = await made.parts.l1.call("eth_getBlockByHash", [to_hex(receipt.block.hash), False])
        assert int(block["timestamp"], 16) == self.timestamp
        await made.mine(2)


def write_program(path: Path, readings: Sequence[Reading] = ()) -> Path:
    """The shipped program's ELF file with a prologue: two stores across leaves, at an odd and at an even step, and reads."""
    program = read_elf(PROGRAM.read_bytes())
    words, data = _crossing_stores(), b""
    for reading in readings:
        text, data = _reading(reading, data)
        words += text
    words += _jump(program.entry)
    own = (_segment(_CODE, asm.code(words)), _segment(_DATA, data)) if data else (_segment(_CODE, asm.code(words)),)
    path.write_bytes(elf_of(replace(program, entry=_CODE, segments=(*own, *program.segments))))
    return path


def _segment(address: int, content: bytes) -> Segment:
    assert len(content) <= _DATA - _CODE
    return Segment(address, content, len(content))


def _crossing_stores() -> list[int]:
    """Something across the border, then zeros again, as memory was."""
    return [
        asm.lui(_ADDRESS, _HALF),
        asm.immediate("slli", _ADDRESS, _ADDRESS, 1),
        asm.immediate("addi", _VALUE, 0, -1),
        asm.store("sd", _VALUE, _ADDRESS, -4),
        asm.store("sd", 0, _ADDRESS, -4),
    ]


def _reading(reading: Reading, data: bytes) -> tuple[list[int], bytes]:
    """Instructions, and the data with what they need behind the given."""
    key_at = _DATA + len(data)
    data += reading.key
    hint_at = _DATA + len(data)
    data += reading.hint.ljust(-(-len(reading.hint) // LEAF_SIZE) * LEAF_SIZE, b"\x00")
    words = [
        *_set(A0, key_at),
        *_set(A1, hint_at),
        *_set(_A2, len(reading.hint)),
        *_set(A7, SET_KEY),
        asm.ECALL,
        *_set(A0, _SCRATCH),
        *_set(A1, LEAF_SIZE),
        *_set(A7, READ),
        asm.ECALL,
    ]
    return words, data


def _set(register: int, value: int) -> list[int]:
    low = (value & 0xFFF) - ((value & 0x800) << 1)
    return [asm.lui(register, value - low), asm.immediate("addi", register, register, low)]


def _jump(address: int) -> list[int]:
    return [*_set(_ADDRESS, address), asm.jalr(0, _ADDRESS)]
