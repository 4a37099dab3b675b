"""The games that the challenger looks at: the newest of the factory's list."""

import logging
from collections.abc import Callable

from config.types import Timestamp
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
        found = await self._after(last, count) if last else await self._newest(count, now - self._settings.game_window)
        self.agents += [self._agent(game) for game in found if game.game_type in self._settings.game_types]
        self._last = found[-1] if found else last

    async def _after(self, last: ListedGame, count: int) -> list[ListedGame]:
        found: list[ListedGame] = []
        for start in range(last.index + 1, count, SCAN_PAGE):
            found += await self._factory.games_at(range(start, min(start + SCAN_PAGE, count)))
        return found

    async def _newest(self, count: int, since: int) -> list[ListedGame]:
        """Those of a time, however many they are: who wants one to be overlooked can afford a thousand others."""
        pages: list[list[ListedGame]] = []
        for end in range(count, 0, -SCAN_PAGE):
            page = await self._factory.games_at(range(max(0, end - SCAN_PAGE), end))
            pages.append([game for game in page if game.timestamp >= since or game is page[-1]])
            if page[0].timestamp < since:
                log.info("looking at the newest of %d games", count)
                break
        return [game for page in reversed(pages) for game in page]
