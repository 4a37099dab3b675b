"""Signs the blocks that the own sequencer seals, for those who pass them on."""

import logging
from collections.abc import Callable

from config.rollup import RollupConfig
from config.types import to_hex
from evm.execution_payload import ExecutionPayload
from evm.payload_message import SignedPayload
from evm.types import Block
from evm.types.signature import address_of
from node.rollup.sequencer import Sequencer
from node.unsafe.signer import UnsafeBlockSigner

log = logging.getLogger("lamina.unsafe")


class SealedPayloads:
    """Each sealed block becomes a signed payload, which `on_signed` listeners hear of once it is durable."""

    def __init__(
        self, rollup: RollupConfig, private_key: bytes, sequencer: Sequencer, signer: UnsafeBlockSigner
    ) -> None:
        self._rollup = rollup
        self._private_key = private_key
        self._signer = signer
        self._warned = False
        self.address = address_of(private_key)
        self._listeners: list[Callable[[SignedPayload], None]] = []
        sequencer.on_sealed(self._on_sealed)

    def on_signed(self, listener: Callable[[SignedPayload], None]) -> None:
        """Call `listener` with each block that the sequencer has sealed, signed."""
        self._listeners.append(listener)

    def sign(self, block: Block) -> SignedPayload:
        """Sign a block of the own chain."""
        return SignedPayload.sign(ExecutionPayload.of(block), self._private_key, self._rollup.l2_chain_id)

    def _on_sealed(self, block: Block) -> None:
        self._compare_signers()
        signed = self.sign(block)
        for listener in self._listeners:
            listener(signed)

    def _compare_signers(self) -> None:
        named = self._signer.address
        is_other = named is not None and named != self.address
        if is_other and not self._warned:
            log.warning(
                "blocks are signed by %s (--p2p.sequencer.key), but others believe those of %s alone, whom L1's SystemConfig "
                "names: give the node that one's key, or have SystemConfig's owner name this one (setUnsafeBlockSigner)",
                to_hex(self.address),
                to_hex(named or b""),
            )
        self._warned = is_other
