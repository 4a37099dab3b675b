"""The games that the challenger looks at: the newest of the factory's list."""

import logging
from collections.abc import Callable

from faultproof.challenger.agent import GameAgent
from faultproof.challenger.settings import ChallengerSettings
from l1.contracts import DisputeGameFactoryContract, ListedGame

log = logging.getLogger("lamina.challenger")

SCAN_PAGE = 100


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

    async def scan(self) -> None:
        """Take in games created since the last call. An L1 reorg that changed the list makes it start over.

        Raises TemporaryError.
        """
        count = await self._factory.game_count()
        last = self._last
        if last is not None:
            unchanged = last.index < count and await self._factory.game_at_index(last.index) == last
            if not unchanged:
                log.warning("the factory's list of games changed in an L1 reorg: reading it again")
                self.agents, last = [], None
        start = last.index + 1 if last else max(0, count - self._settings.max_scan_games)
        if last is None and start:
            log.info("looking at the newest %d of %d games", self._settings.max_scan_games, count)
        found: list[GameAgent] = []
        for page in range(start, count, SCAN_PAGE):
            listed = await self._factory.games_at(range(page, min(page + SCAN_PAGE, count)))
            found += [self._agent(game) for game in listed if game.game_type in self._settings.game_types]
            last = listed[-1]
        self.agents += found
        self._last = last
