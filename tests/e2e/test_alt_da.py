"""A devnet whose batch data is in a DA server: L1 holds commitments, the verifier derives the same chain."""

from pathlib import Path

from config.rollup import AltDaConfig, RollupConfig
from config.types import from_hex
from derivation.codec import Commitment, CommitmentType
from l1.rpc import JsonRpcClient
from tests.e2e.parts import devnet_in_parts, eventually, hashes, number_of


async def test_the_verifier_derives_the_chain_from_commitments(tmp_path: Path) -> None:
    async with devnet_in_parts(
        tmp_path, block_time=1, l1_slot_seconds=2, challenger=False, alt_da=True, log_level="warning"
    ) as parts:
        rollup = RollupConfig.load(Path(parts.info["rollupConfig"]))
        assert rollup.alt_da == AltDaConfig(CommitmentType.GENERIC)

        async def derived() -> bool:
            return await number_of(parts.verifier, "safe") >= 4

        await eventually("the verifier has derived block 4", derived)
        assert await hashes(parts.verifier, range(5)) == await hashes(parts.sequencer, range(5))
        commitments = await inbox(parts.l1, rollup)
        assert commitments
        stored = {path.name for path in (tmp_path / "da").iterdir()}
        assert {commitment.encode().hex() for commitment in commitments} <= stored
        status = await parts.batcher.call("admin_status")
        assert {channel["kind"] for channel in status["channels"]} == {"remote"}
        assert (await parts.batcher.call("admin_getThrottleController"))["type"] == "quadratic"


async def inbox(l1: JsonRpcClient, rollup: RollupConfig) -> list[Commitment]:
    """The commitments in the batch inbox, which holds nothing else."""
    head = await number_of(l1, "latest")
    found = []
    for number in range(rollup.genesis.l1.number + 1, head + 1):
        block = await l1.call("eth_getBlockByNumber", [hex(number), True])
        for transaction in block["transactions"]:
            if transaction["to"] is not None and from_hex(transaction["to"]) == rollup.batch_inbox_address:
                data = from_hex(transaction["input"])
                assert data[0] == 1
                found.append(Commitment.decode(data[1:]))
    return found
