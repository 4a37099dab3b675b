"""A fresh pair of chains for each scenario."""

from dataclasses import dataclass

import pytest

from config.rollup import RollupConfig
from tests.actions.chains import Batcher, FakeL1, FakeL2, make_rollup
from tests.actions.verifier import Verifier


@dataclass
class World:
    """An L1, a sequencer's L2, its batcher, and how to start verifiers."""

    l1: FakeL1
    rollup: RollupConfig
    l2: FakeL2
    batcher: Batcher

    @staticmethod
    def create(lazy: bool = False, **changes: object) -> "World":
        l1 = FakeL1(lazy)
        rollup = make_rollup(l1, **changes)  # type: ignore[arg-type]
        l2 = FakeL2(rollup, l1)
        return World(l1, rollup, l2, Batcher(l2))

    def sequence(self, count: int, transactions: int = 1) -> None:
        """Sequence blocks, mining L1 blocks so that L1 stays ahead of L2's clock."""
        for _ in range(count):
            while self.l1.head.header.timestamp < self.l2.head.timestamp + self.rollup.block_time:
                self.l1.mine()
            self.l2.sequence([self.l2.user_transaction() for _ in range(transactions)])

    def verifier(self) -> Verifier:
        """A verifier that starts at genesis."""
        return Verifier(self.rollup, self.l1)


@pytest.fixture
def world() -> World:
    return World.create()
