"""A devnet whose verifier follows the sequencer's signed blocks: its unsafe head is the sequencer's before L1 has the data,
and stands still when SystemConfig names another signer."""

from pathlib import Path
from typing import Any

from config.types import to_hex
from contracts.artifacts import load_artifact
from node.devnet.accounts import role_accounts
from tests.e2e.parts import Wallet, devnet_in_parts, eventually, hashes, number_of, send_to_l1


async def test_a_follower_has_the_sequencers_blocks_before_l1_does_and_believes_the_signer_that_l1_names(
    tmp_path: Path,
) -> None:
    roles = role_accounts()
    async with devnet_in_parts(
        tmp_path, block_time=1, l1_slot_seconds=2, challenger=False, verifier_follows=True, log_level="warning"
    ) as parts:

        async def unsafe_blocks() -> dict[str, Any]:
            status: dict[str, Any] = await parts.verifier.call("lamina_unsafeBlocks")
            return status

        async def ahead() -> bool:
            safe, unsafe = await number_of(parts.verifier, "safe"), await number_of(parts.verifier, "latest")
            return safe >= 2 and unsafe > safe

        await eventually("the verifier's unsafe head is ahead of its safe head", ahead)
        status = await unsafe_blocks()
        assert status["signer"] == to_hex(roles.sequencer.address) and status["applied"] >= 2
        assert (status["invalid"], status["feeds"][0]["refused"]) == (0, 0)
        head = await number_of(parts.verifier, "latest")
        assert await hashes(parts.verifier, range(head + 1)) == await hashes(parts.sequencer, range(head + 1))

        # Another signer: the sequencer's blocks come from L1 alone now.
        data = load_artifact("SystemConfig").encode_call("setUnsafeBlockSigner", to_hex(parts.wallets[0].address))
        owner = Wallet(roles.owner.address, roles.owner.private_key)
        await send_to_l1(parts, owner, parts.contract("SystemConfigProxy"), data)

        async def refused() -> bool:
            return bool((await unsafe_blocks())["feeds"][0]["refused"])

        await eventually("the verifier drops what the sequencer signs", refused)
        status = await unsafe_blocks()
        assert status["signer"] == to_hex(parts.wallets[0].address)
        assert to_hex(roles.sequencer.address) in status["feeds"][0]["lastRefused"]
        stands = await number_of(parts.verifier, "latest")

        async def safe_has_passed() -> bool:
            return await number_of(parts.verifier, "safe") > stands

        await eventually("the verifier goes on by L1", safe_has_passed)
        assert await number_of(parts.verifier, "latest") == await number_of(parts.verifier, "safe")
