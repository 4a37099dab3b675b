"""A devnet on anvil instead of the embedded L1, and the price of blobs on either."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from config.constants import L1_BLOCK
from config.errors import CriticalError
from config.forks import EthFork
from config.types import to_hex
from contracts.artifacts import load_artifact
from evm.types import BlobTransaction
from evm.types.transaction import sign_transaction
from l1.kzg import BYTES_PER_BLOB, KzgWorker
from l1.sidecar import BlobSidecar, SidecarVersion, encode_network_transaction
from node.devl1.genesis import DEV_L1_CHAIN_ID, DEV_L1_GAS_LIMIT, dev_l1_chain_config
from node.devnet.anvil import find_anvil
from tests.e2e.parts import GWEI, Parts, Wallet, devnet_in_parts, eventually, hashes, number_of
from tests.l1.conftest import ANVIL_KEY, Served, start_anvil

__all__ = ["start_anvil"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]

FORKS = (EthFork.PRAGUE, EthFork.OSAKA)
L1_GENESIS: dict[str, Any] = {
    "nonce": "0x0",
    "extraData": "0x",
    "gasLimit": hex(DEV_L1_GAS_LIMIT),
    "difficulty": "0x0",
    "mixHash": "0x" + "00" * 32,
    "coinbase": "0x" + "00" * 20,
    "baseFeePerGas": hex(10**9),
    "excessBlobGas": "0x6000000",
    "blobGasUsed": "0x0",
    "alloc": {},
}
"""About half a gwei per blob gas under Prague's update fraction."""


@pytest.fixture
def anvil() -> Path:
    """anvil's binary; skips the test where it is not installed."""
    try:
        return find_anvil()
    except CriticalError as error:
        pytest.skip(str(error))


@pytest.fixture
async def kzg() -> AsyncIterator[KzgWorker]:
    """A worker that makes sidecars."""
    async with KzgWorker() as worker:
        yield worker


@pytest.mark.parametrize("fork", FORKS, ids=lambda fork: fork.name.lower())
async def test_a_verifier_on_anvil_derives_what_was_sequenced(tmp_path: Path, anvil: Path, fork: EthFork) -> None:
    async with devnet_in_parts(tmp_path, l1="anvil", l1_fork=fork, block_time=1, l1_slot_seconds=2) as parts:

        async def derived() -> bool:
            return await number_of(parts.verifier, "safe") >= 10

        await eventually("the verifier derives ten blocks", derived)
        safe = await number_of(parts.verifier, "safe")
        assert await hashes(parts.verifier, range(safe + 1)) == await hashes(parts.sequencer, range(safe + 1))

        async def finalized() -> bool:
            return await number_of(parts.verifier, "finalized") > 0

        await eventually("anvil finalizes L1 blocks, and so L2 ones", finalized)


@pytest.mark.parametrize("fork", FORKS, ids=lambda fork: fork.name.lower())
async def test_l1block_holds_the_origins_blob_base_fee_while_blobs_get_dear(
    tmp_path: Path, kzg: KzgWorker, fork: EthFork
) -> None:
    sidecar = await kzg.build_sidecar([bytes(BYTES_PER_BLOB)], SidecarVersion.at(fork))
    async with devnet_in_parts(tmp_path, l1_fork=fork, accounts=4, block_time=1, l1_slot_seconds=2) as parts:
        # Full blocks: 6 + 3 blobs fill Prague's nine, 6 + 6 + 3 the fifteen of the embedded L1's Osaka.
        for wallet, blobs in zip(parts.wallets, (6, 3, 6), strict=False):
            for nonce in range(12):
                raw = _blob_transaction(parts, wallet, nonce, _repeated(sidecar, blobs))
                await parts.l1.call("eth_sendRawTransaction", [to_hex(raw)])
        prices = await _prices_once_dear(parts)
        assert len(prices) > 1


@pytest.mark.parametrize("fork", FORKS, ids=lambda fork: fork.name.lower())
async def test_l1block_holds_the_origins_blob_base_fee_on_an_anvil_that_others_run(
    tmp_path: Path, anvil: Path, start_anvil: Callable[..., Awaitable[Served]], fork: EthFork
) -> None:
    # This anvil keeps the excess blob gas of its genesis for ever, however many blobs blocks hold.
    genesis = L1_GENESIS | {"config": dev_l1_chain_config(fork).to_json(), "timestamp": hex(int(time.time()))}
    document = tmp_path / "l1-genesis.json"
    document.write_text(json.dumps(genesis))
    served = await start_anvil(
        *("--init", str(document)),
        *("--chain-id", str(DEV_L1_CHAIN_ID)),
        *("--hardfork", fork.name.lower()),
        *("--block-time", "2"),
        *("--slots-in-an-epoch", "2"),
    )
    async with devnet_in_parts(
        tmp_path / "devnet", l1=served.url, l1_beacon=served.url, l1_funding_key=ANVIL_KEY, block_time=1
    ) as parts:
        prices = await _prices_once_dear(parts)
        assert min(prices) > GWEI // 10


async def _prices_once_dear(parts: Parts) -> set[int]:
    """Wait for a derived block whose origin's blobs cost more than the minimum, compare all blocks with L1's own word,
    and answer the prices found."""

    async def dear() -> bool:
        safe = await number_of(parts.verifier, "safe")
        return safe > 0 and await _l1block(parts, "blobBaseFee", safe) > 1

    await eventually("a derived block has an origin whose blobs cost more than the minimum", dear)
    prices = set()
    safe = await number_of(parts.verifier, "safe")
    for number in range(1, safe + 1):
        origin = await _l1block(parts, "number", number)
        on_l2 = await _l1block(parts, "blobBaseFee", number)
        assert on_l2 == await _blob_base_fee_on_l1(parts, origin), f"L2 block {number}, L1 block {origin}"
        prices.add(on_l2)
    assert await hashes(parts.verifier, range(safe + 1)) == await hashes(parts.sequencer, range(safe + 1))
    return prices


def _repeated(sidecar: BlobSidecar, count: int) -> BlobSidecar:
    """The same blob `count` times: proofs are made once only."""
    return BlobSidecar(sidecar.blobs * count, sidecar.commitments * count, sidecar.proofs * count, sidecar.version)


def _blob_transaction(parts: Parts, wallet: Wallet, nonce: int, sidecar: BlobSidecar) -> bytes:
    unsigned = BlobTransaction(
        nonce=nonce,
        gas_limit=21_000,
        to=wallet.address,
        value=0,
        data=b"",
        chain_id=parts.l1_chain_id,
        y_parity=0,
        r=0,
        s=0,
        max_priority_fee=3 * GWEI,
        max_fee=50 * GWEI,
        max_fee_per_blob_gas=100 * GWEI,
        versioned_hashes=sidecar.versioned_hashes,
    )
    signed = sign_transaction(unsigned, wallet.key)
    assert isinstance(signed, BlobTransaction)
    return encode_network_transaction(signed, sidecar)


async def _l1block(parts: Parts, function: str, number: int) -> int:
    """What L1Block says in the verifier's block of a number."""
    data = load_artifact("L1Block").encode_call(function)
    answer = await parts.verifier.call("eth_call", [{"to": to_hex(L1_BLOCK), "data": to_hex(data)}, hex(number)])
    return int(answer, 16)


async def _blob_base_fee_on_l1(parts: Parts, number: int) -> int:
    """What L1 itself says that blob gas cost in one of its blocks (wei)."""
    history = await parts.l1.call("eth_feeHistory", ["0x1", hex(number), []])
    return int(history["baseFeePerBlobGas"][0], 16)
