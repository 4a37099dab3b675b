"""A devnet whose sequencer gossips over libp2p: the verifier has its blocks before L1 does. Needs lamina[p2p]."""

import socket
from pathlib import Path

import pytest

from node.p2p.transport import libp2p_is_installed
from tests.e2e.parts import devnet_in_parts, eventually, hashes, number_of


@pytest.mark.slow
@pytest.mark.skipif(
    not libp2p_is_installed(), reason="libp2p is not installed: pip install 'lamina[p2p]' (needs the headers of GMP)"
)
async def test_the_verifier_has_the_sequencers_blocks_by_gossip_before_l1_does(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    async with devnet_in_parts(
        tmp_path, block_time=1, l1_slot_seconds=2, challenger=False, p2p_port=port, log_level="warning"
    ) as parts:

        async def ahead() -> bool:
            safe, unsafe = await number_of(parts.verifier, "safe"), await number_of(parts.verifier, "latest")
            status = await parts.verifier.call("lamina_unsafeBlocks")
            return safe >= 2 and unsafe > safe and status["applied"] >= 2

        await eventually("the verifier's unsafe head is ahead of its safe head", ahead)
        head = await number_of(parts.verifier, "latest")
        assert await hashes(parts.verifier, range(head + 1)) == await hashes(parts.sequencer, range(head + 1))
        for node in (parts.sequencer, parts.verifier):
            assert await node.call("net_peerCount") == "0x1"
            stats = await node.call("opp2p_peerStats")
            assert (stats["connected"], stats["blocksTopicV4"]) == (1, 1)
