"""The games that the challenger looks at: the newest of the factory's list."""

import logging
from collections.abc import Callable

from config.types import Timestamp
from faultproof.challenger.agent import GameAgent
from faultproof.challenger.settings import ChallengerSettings
from l1.contracts import DisputeGameFactoryContract, ListedGame

log = logging.getLogger("lamina.challenger")


class GameList:
    """Follows the factory's list of games."""

    def __init__(
        self,
        factory: DisputeGameFactoryContract,
        settings: ChallengerSettings,
        agent: Callable[[ListedGame], GameAgent],
    ) -> None:
        """`agent` takes a game into care."""
        self._factory = factory
        self._settings = settings
        self._agent = agent
        self._last: ListedGame | None = None
        self.agents: list[GameAgent] = []

    async def scan(self, now: Timestamp) -> None:
        """Take in games created since the last call, at first those of the settings' window before L1 time `now`.

        An L1 reorg that changed the list makes it start over. Raises TemporaryError.
        """
        count = await self._factory.game_count()
        last = self._last
        if last is not None:
            unchanged = last.index < count and await self._factory.game_at_index(last.index) == last
            if not unchanged:
                log.warning("the factory's list of games changed in an L1 reorg: reading it again")
                self.agents, last = [], None
        since = 0 if last else now - self._settings.game_window
        found = await (
            self._factory.games_after(last.index + 1, count) if last else self._factory.games_since(since, count)
        )
        self.agents += [
            self._agent(game)
            for game in found
            if game.game_type in self._settings.game_types and game.timestamp >= since
        ]
        self._last = found[-1] if found else last
