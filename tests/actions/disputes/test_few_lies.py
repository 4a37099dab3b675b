"""A few lies about the chain lose against the real challenger, on real contracts, in a tree of less depth.

All of them at full depth: test_every_lie.py.
"""

import os
from pathlib import Path

import pytest

from tests.actions.disputes.casting import (
    HONEST_PROPOSER,
    all_of,
    check_end,
    lie_from,
    malicious_challenger,
    malicious_proposer,
)
from tests.actions.disputes.stage import PROGRAM, stage
from tests.actions.disputes.step_kinds import StepKind
from tests.actions.disputes.steps_made import check_steps

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not PROGRAM.exists(), reason="the fault-proof program is not built: python core/build.py fpvm"),
    pytest.mark.skipif(
        not os.environ.get("LAMINA_ADVERSARY"), reason="takes minutes: LAMINA_ADVERSARY=1, or make adversary"
    ),
]
SHALLOW = {"max_game_depth": 39, "split_depth": 9}
"""512 blocks, and runs of 2^29 steps. As on public chains the deepest claim of a game about a true root is a liar's."""


async def test_liars_lose_by_steps_though_the_challenger_lost_its_disk_half_way(tmp_path: Path) -> None:
    async with stage(tmp_path, blocks=0, **SHALLOW) as made:
        safe, proposers = made.safe, made.parts.wallets
        lies = lie_from(made, made.traffic.call_block)
        games = await made.propose(
            [
                ("a blob's element", proposers[HONEST_PROPOSER], made.outputs[safe].root, safe),
                ("a false root", proposers[2], lies[safe].root, safe),
                ("the root of another block", proposers[2], made.outputs[safe - 7].root, safe - 2),
            ]
        )
        bisected = games[:2]
        malicious_challenger(made, games[0], StepKind.READ_BLOB)
        malicious_proposer(made, games[1], lies, StepKind.ALU)
        await made.play(bisected, all_of(made, bisected, SHALLOW["split_depth"] + 6))
        await made.lose_power()
        await made.play(bisected, all_of(made, bisected), to_the_end=True)
        await made.settle(games)
        for game, root_is_true in zip(games, (True, False, False), strict=True):
            await check_end(made, game, root_is_true)
        await check_steps(made, list(zip(bisected, (StepKind.READ_BLOB, StepKind.ALU), strict=True)))
