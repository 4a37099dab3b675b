"""The challenging loop: every round looks at all games and does what is missing."""

import asyncio
import logging
from dataclasses import replace

from config.errors import CriticalError, ResetError, TemporaryError
from config.types import Address, Hash32, Wei, to_hex
from faultproof.challenger.agent import GameAgent, Surroundings
from faultproof.challenger.budget import within_budget
from faultproof.challenger.due import NOBODY_WAITS, Due
from faultproof.challenger.listing import GameList
from faultproof.challenger.ports import L1Block, L1Reader, RollupNode, Sender
from faultproof.challenger.programs import Programs
from faultproof.challenger.proposals import ProposalWatch, WrongProposal
from faultproof.challenger.settings import ChallengerSettings, Mode
from faultproof.challenger.status import ChallengerStatus, Counters
from l1.candidate import TransactionReceipt, TxCandidate
from l1.contracts import DisputeGameFactoryContract
from l1.dispute_contracts import PlayedGameContract, PreimageOracleContract
from l1.rpc import RpcCaller
from l1.txmgr import SendError, SendErrorKind

log = logging.getLogger("lamina.challenger")


SETTLED_AT_ONCE = 32
"""A round ends when all its transactions are confirmed, so what can wait must not fill many L1 blocks."""


def _no_more_than_waits(dues: list[Due]) -> list[Due]:
    """Everything with a deadline, and as much of the rest as goes into a block or two."""
    patient = [due for due in dues if due.seconds_left == NOBODY_WAITS]
    return [due for due in dues if due.seconds_left != NOBODY_WAITS] + patient[:SETTLED_AT_ONCE]


class Challenger:
    """Plays dispute games for one account.

    One `tick` is one round; `start` runs rounds until `stop`. A temporary error ends a game's part of the round; a critical
    one that is about a game, or a defect met in it, stands as its `problem`, all others go on. Where the loop itself cannot go
    on (the budget is used up, the account is empty) it stops and `status().halted_by` says why. A reset reads all games again.
    Spec: op honest-challenger.
    """

    def __init__(
        self,
        node: RollupNode,
        l1: L1Reader,
        rpc: RpcCaller,
        sender: Sender,
        account: Address,
        programs: Programs,
        settings: ChallengerSettings,
    ) -> None:
        """`rpc` reads L1's contracts; `account` is the sender's; `programs` can be run in games that ask for them."""
        self._l1 = l1
        self._sender = sender
        self._settings = settings
        self._around = Surroundings(rpc, node, l1, programs, account, settings)
        self._factory = DisputeGameFactoryContract(rpc, settings.game_factory)
        self._games = self._new_list()
        self._watches: dict[Address, ProposalWatch] = {}
        self._oracle_of: dict[Address, Address] = {}
        self._counters = Counters()
        self._fees = Wei(0)
        self._head: L1Block | None = None
        self._nothing_due_at: Hash32 | None = None
        self._short_of: str | None = None
        self._last_error: str | None = None
        self._halted_by: str | None = None
        self._loop_task: asyncio.Task[None] | None = None

    def _new_list(self) -> GameList:
        return GameList(self._factory, self._settings, lambda listed: GameAgent(self._around, listed))

    @property
    def running(self) -> bool:
        """Whether the loop runs."""
        return self._loop_task is not None and not self._loop_task.done()

    def start(self) -> None:
        """Start the loop. Raises RuntimeError when it runs already."""
        if self.running:
            raise RuntimeError("the challenger is already running")
        self._halted_by = self._last_error = None
        self._loop_task = asyncio.create_task(self._loop(), name="challenger")

    async def stop(self) -> None:
        """Stop the loop. A transaction already sent may still land; the next start finds what it did on L1."""
        task = self._loop_task
        if task is None:
            return
        task.cancel()
        await asyncio.wait((task,))

    async def tick(self) -> None:
        """One round; its errors are handled as the class describes."""
        self._last_error = None
        try:
            await self._round()
        except TemporaryError as error:
            self._temporary("challenger round ended early, will try again", error)
        except ResetError as error:
            self._counters.resets += 1
            self._last_error = str(error)
            self._games = self._new_list()
            log.warning("reading all games again: %s", error)
        except CriticalError as error:
            self._halted_by = self._last_error = str(error)
            log.error("the challenger stops: %s", error)

    def status(self) -> ChallengerStatus:
        """What it is doing now."""
        return ChallengerStatus(
            mode=self._settings.mode.value,
            running=self.running,
            halted_by=self._halted_by,
            last_error=self._last_error,
            short_of=self._short_of,
            l1_head=self._head.id if self._head else None,
            spent=self._spent,
            bonds_locked=self._locked,
            budget=self._settings.budget,
            counters=replace(self._counters),
            games=tuple(replace(agent.face) for agent in self._games.agents),
        )

    @property
    def _spent(self) -> Wei:
        return Wei(self._fees + sum(agent.face.bonds_lost for agent in self._games.agents))

    @property
    def _locked(self) -> Wei:
        return Wei(sum(agent.face.bonds_in for agent in self._games.agents))

    async def _loop(self) -> None:
        try:
            while self._halted_by is None:
                await self.tick()
                await asyncio.sleep(self._settings.poll_seconds)
        except Exception as error:
            # Not one of the three severities: a defect. It must be seen in the status as well as in the task.
            self._halted_by = f"unexpected {type(error).__name__}: {error}"
            log.exception("the challenger stops because of a defect")
            raise

    async def _round(self) -> None:
        self._head = await self._l1.head()
        if self._head.hash == self._nothing_due_at:
            return
        await self._games.scan(self._head.timestamp)
        agents = [agent for agent in self._games.agents if not agent.is_done]
        found = await asyncio.gather(*(self._due(agent, self._head) for agent in agents))
        dues = [due for of_game in found for due in of_game] + await self._challenges(self._head)
        is_behind = any(watch.is_behind for watch in self._watches.values())
        if not dues and self._last_error is None and not is_behind:
            # All that it decides by is as of this block, and it was all there.
            self._nothing_due_at = self._head.hash
        choice = within_budget(_no_more_than_waits(dues), self._settings, self._spent, self._locked)
        self._say_short(choice.refused)
        outcomes = await asyncio.gather(*map(self._carry_out, choice.affordable), return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        for severity in (CriticalError, ResetError, BaseException):
            for failure in failures:
                if isinstance(failure, severity):
                    raise failure

    async def _due(self, agent: GameAgent, head: L1Block) -> list[Due]:
        before = agent.face.problem
        try:
            return await agent.due(head)
        except TemporaryError as error:
            agent.face.waiting_for = str(error)
            self._temporary(f"{agent} waits", error)
        except CriticalError as error:
            agent.face.problem = str(error)
        except Exception as error:
            # A defect that one game has brought to light, perhaps because somebody meant it to: the others go on.
            agent.face.problem = f"unexpected {type(error).__name__}: {error}"
            if agent.face.problem != before:
                log.exception("%s cannot be played because of a defect", agent)
        finally:
            problem = agent.face.problem
            if problem is not None and problem != before:
                log.error("%s: %s", agent, problem)
        return []

    async def _challenges(self, head: L1Block) -> list[Due]:
        """What to do about large preimages of others, in the oracles that games read from, or will."""
        around, dues = self._around, []
        try:
            oracles = await self._oracles()
        except TemporaryError as error:
            self._temporary("large preimages are looked at later", error)
            return []
        for oracle in oracles:
            if oracle not in self._watches:
                contract = PreimageOracleContract(around.rpc, oracle)
                self._watches[oracle] = ProposalWatch(contract, around.rpc, around.account, around.l1)
            watch = self._watches[oracle]
            try:
                dues += await watch.due(head)
                unreadable = watch.unreadable
            except TemporaryError as error:
                unreadable = error
            if unreadable is not None:
                self._temporary("large preimages are looked at later", unreadable)
        return [] if self._settings.mode is Mode.WATCH else dues

    async def _oracles(self) -> set[Address]:
        """Those of all games, and of the next: what nobody challenged before the first one is there for good."""
        found = {agent.oracle for agent in self._games.agents if agent.oracle is not None}
        for game_type in self._settings.game_types:
            implementation = await self._factory.implementation(game_type)
            if implementation is not None and implementation not in self._oracle_of:
                game = PlayedGameContract(self._around.rpc, implementation)
                self._oracle_of[implementation] = await game.oracle()
            if implementation is not None:
                found.add(self._oracle_of[implementation])
        return found

    def _temporary(self, what: str, error: TemporaryError) -> None:
        self._counters.temporary_errors += 1
        if str(error) != self._last_error:
            log.warning("%s: %s", what, error)
        self._last_error = str(error)

    def _say_short(self, refused: tuple[Due, ...]) -> None:
        if not refused:
            self._short_of = None
            return
        first = refused[0]
        short_of = (
            f"{len(refused)} transactions do not fit the budget of {self._settings.budget} wei ({self._spent} spent, "
            f"{self._locked} in games), first of all {first.purpose} in {first.agent} with a bond of {first.bond} wei"
        )
        if short_of != self._short_of:
            log.error("%s: raise the budget, or the game may end wrongly", short_of)
        self._short_of = short_of

    async def _carry_out(self, due: Due) -> None:
        log.info("%s: %s", due.agent, due.purpose, extra={"bond": due.bond} if due.bond else {})
        for candidate in due.candidates:
            await self._send(candidate, due)
        if due.bond:
            self._counters.moves += 1
        elif due.purpose.startswith("step"):
            self._counters.steps += 1
        elif isinstance(due.agent, WrongProposal):
            self._counters.preimages_challenged += 1

    async def _send(self, candidate: TxCandidate, due: Due) -> TransactionReceipt:
        purpose = f"{due.purpose} in {due.agent}"
        try:
            receipt = await self._sender.send(candidate)
        except (TemporaryError, ResetError, CriticalError) as error:
            self._counters.transactions_failed += 1
            if isinstance(error, SendError):
                self._fees = Wei(self._fees + error.cost)
                short_of_bond = error.kind is SendErrorKind.INSUFFICIENT_FUNDS and candidate.value
                if short_of_bond or error.kind in (SendErrorKind.REVERTED, SendErrorKind.REJECTED):
                    due.agent.refused(due)
                if short_of_bond or error.kind is SendErrorKind.REJECTED:
                    # This one cannot be sent: those that can go on, lest one game decides all others.
                    log.error("%s: %s", purpose, error)
                    raise TemporaryError(f"{purpose}: {error}") from error
            raise
        self._fees = Wei(self._fees + receipt.cost)
        if not receipt.succeeded:
            self._counters.transactions_failed += 1
            due.agent.refused(due)
            raise TemporaryError(f"{purpose}: {receipt}; somebody else may have done the same before")
        self._counters.transactions_confirmed += 1
        log.debug("%s done in %s", purpose, to_hex(receipt.transaction_hash))
        return receipt
