"""Who signs unsafe blocks: the address in SystemConfig on L1, and its changes.

Spec: op system-config, "unsafeBlockSigner (address)".
"""

import asyncio
import logging
from typing import Protocol

from config.errors import TemporaryError
from config.types import Address, Hash32, to_hex
from evm.types import Header, keccak256
from node.rollup.l1_heads import L1Heads

log = logging.getLogger("lamina.unsafe")

UNSAFE_BLOCK_SIGNER_SLOT = Hash32(keccak256(b"systemconfig.unsafeblocksigner"))


class L1Storage(Protocol):
    """Proven storage of L1: `l1.endpoints.L1Endpoints`."""

    async def storage(self, header: Header, address: Address, slot: Hash32) -> Hash32:
        """What a slot holds after a block. Raises TemporaryError when that is not to be had."""
        ...


class UnsafeBlockSigner:
    """`address` is who signs as of L1's head, None until that is known; `error` is why it is not read at present."""

    def __init__(self, l1: L1Storage, heads: L1Heads, system_config: Address, fixed: Address | None = None) -> None:
        """`fixed`: the operator's word, which stands above L1's."""
        self._l1 = l1
        self._heads = heads
        self._system_config = system_config
        self.is_fixed = fixed is not None
        self.address = fixed
        self.error: str | None = None
        self.known = asyncio.Event()
        """Set when it is known for the first time."""
        if fixed is not None:
            self.known.set()

    async def run(self) -> None:
        """Follow L1's head for ever; what was known holds on while L1 does not answer."""
        read: Header | None = None
        while True:
            latest = self._heads.latest
            if latest is None or latest is read:
                await self._heads.wait_for_change(read, 60.0)
                continue
            read = latest
            await self.refresh(latest)

    async def refresh(self, head: Header) -> None:
        """Read who signs as of an L1 block."""
        try:
            value = await self._l1.storage(head, self._system_config, UNSAFE_BLOCK_SIGNER_SLOT)
        except TemporaryError as error:
            if self.error is None:
                log.warning(
                    "who signs unsafe blocks could not be read from L1, trying again at its next block: %s", error
                )
            self.error = str(error)
            return
        self.error = None
        address = Address(value[12:])
        if not any(address):
            # The contract has been told nobody: then there is nobody to believe.
            self.address = None
        elif address != self.address:
            log.info("unsafe blocks are signed by %s", to_hex(address), extra={"l1": str(head)})
            self.address = address
            self.known.set()
