"""The proposing loop: every interval a game for the newest L2 block that is certain, and care for the games made."""

import asyncio
import logging
from dataclasses import dataclass, replace

from config.errors import CriticalError, ResetError, TemporaryError
from config.types import Address, L2BlockNumber, Timestamp, Wei, to_hex
from l1.candidate import TransactionReceipt, TxCandidate
from l1.contracts import DisputeGameFactoryContract, game_extra_data
from l1.rpc import RpcCaller
from l1.send_error import SendError
from proposer.games import GameAction, GameKeeper, GameStage, anchor_block_number
from proposer.output_root import Output
from proposer.ports import L1Block, L1Reader, RollupNode, Sender, SyncHeads
from proposer.settings import ProposerSettings
from proposer.spending import Spending
from proposer.status import Counters, ProposerStatus

log = logging.getLogger("lamina.proposer")


@dataclass(frozen=True)
class Proposal:
    """A game about to be created."""

    output: Output
    bond: Wei
    candidate: TxCandidate


class OutputProposer:
    """Creates dispute games for output roots of one account.

    A game judges its claim by the L1 data up to the block before the one that creates it (its L1 head). A root that is
    right but was not yet safe as of that block is a wrong claim. So only blocks are proposed that were safe as of an L1
    block `l1_depth` below the present head, which any later block has among its ancestors.

    Nothing is sent while transactions of the account are on their way that nobody here waits for: one of an earlier run, or
    one that a reorg undid after its confirmation, may be the very game. Past
    `unconfirmed_patience` the sender has to replace what is stuck there, so that it cannot come true any more.

    One `tick` is one round; `start` runs rounds until `stop`. Temporary errors end the round, a reset forgets the games
    read so far, a critical error stops the loop and stands in `status().halted_by`.
    Spec: op proposals; op fault-dispute-game.
    """

    def __init__(
        self,
        node: RollupNode,
        l1: L1Reader,
        rpc: RpcCaller,
        sender: Sender,
        account: Address,
        settings: ProposerSettings,
    ) -> None:
        """`rpc` reads L1's contracts; `account` is the sender's."""
        self._node = node
        self._l1 = l1
        self._rpc = rpc
        self._sender = sender
        self._account = account
        self._settings = settings
        self._factory = DisputeGameFactoryContract(rpc, settings.game_factory)
        self._keeper = GameKeeper(rpc, self._factory, account, settings)
        self._counters = Counters()
        self._spending = Spending(settings.budget_period)
        self._unconfirmed_since: Timestamp | None = None
        self._head: L1Block | None = None
        self._heads: SyncHeads | None = None
        self._waiting_for: str | None = None
        self._last_error: str | None = None
        self._halted_by: str | None = None
        self._loop_task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether the loop runs."""
        return self._loop_task is not None and not self._loop_task.done()

    def start(self) -> None:
        """Start the loop. Raises RuntimeError when it runs already."""
        if self.running:
            raise RuntimeError("the proposer is already running")
        self._halted_by = self._last_error = None
        self._loop_task = asyncio.create_task(self._loop(), name="proposer")

    async def stop(self) -> None:
        """Stop the loop. A transaction already sent may still land; the next start finds what it did on L1."""
        task = self._loop_task
        if task is None:
            return
        task.cancel()
        await asyncio.wait((task,))

    async def tick(self) -> None:
        """One round; its errors are handled as the class describes."""
        self._waiting_for = None
        try:
            await self._round()
            self._last_error = None
        except TemporaryError as error:
            self._counters.temporary_errors += 1
            self._last_error = str(error)
            log.warning("proposer round ended early, will try again: %s", error)
        except ResetError as error:
            self._counters.resets += 1
            self._last_error = str(error)
            self._keeper = GameKeeper(self._rpc, self._factory, self._account, self._settings)
            log.warning("reading all games again: %s", error)
        except CriticalError as error:
            self._halted_by = self._last_error = str(error)
            log.error("the proposer stops: %s", error)

    def status(self) -> ProposerStatus:
        """What it is doing now."""
        return ProposerStatus(
            running=self.running,
            halted_by=self._halted_by,
            waiting_for=self._waiting_for,
            last_error=self._last_error,
            l1_head=self._head.id if self._head else None,
            safe_l2=self._heads.safe_l2 if self._heads else None,
            finalized_l2=self._heads.finalized_l2 if self._heads else None,
            spent=self._spending.total,
            spent_of_budget=self._spent,
            bonds_locked=self._keeper.bonds_locked,
            budget=self._settings.budget,
            counters=replace(self._counters),
            games=tuple(replace(game) for game in self._keeper.games),
        )

    @property
    def _spent(self) -> Wei:
        """The fees that count against the budget now."""
        return self._spending.counted(self._now)

    @property
    def _now(self) -> Timestamp:
        """The time of the L1 head that the round goes by."""
        return self._head.timestamp if self._head else Timestamp(0)

    async def _loop(self) -> None:
        try:
            while self._halted_by is None:
                await self.tick()
                await asyncio.sleep(self._settings.poll_seconds)
        except Exception as error:
            # Not one of the three severities: a defect. It must be seen in the status as well as in the task.
            self._halted_by = f"unexpected {type(error).__name__}: {error}"
            log.exception("the proposer stops because of a defect")
            raise

    async def _round(self) -> None:
        head = self._head = await self._l1.head()
        self._heads = await self._node.heads()
        await self._keeper.scan(head.timestamp)
        actions = await self._keeper.due_actions(head.timestamp)
        self._stop_if_lost()
        if await self._waits_for_the_pool(head.timestamp):
            return
        actions = self._within_budget(actions)
        proposal, unanswered = None, None
        try:
            proposal = await self._due_proposal(head, self._heads)
        except TemporaryError as error:
            # The games made so far are looked after all the same; the error ends the round after that.
            unanswered = error
        if proposal is not None and not self._affords(proposal, len(actions)):
            proposal = None
        outcomes = await asyncio.gather(
            *(self._act(action) for action in actions),
            *((self._propose(proposal),) if proposal else ()),
            return_exceptions=True,
        )
        failures = [outcome for outcome in (*outcomes, unanswered) if isinstance(outcome, BaseException)]
        for severity in (CriticalError, ResetError, BaseException):
            for failure in failures:
                if isinstance(failure, severity):
                    raise failure

    async def _waits_for_the_pool(self, now: Timestamp) -> bool:
        """Whether transactions of the account are on their way that may do what this round would do again."""
        count = await self._sender.left_behind()
        if not count:
            self._unconfirmed_since = None
            return False
        since = self._unconfirmed_since = self._unconfirmed_since or now
        if now >= since + self._settings.unconfirmed_patience:
            log.warning("%d transactions of the account are stuck in L1's pool: going on in spite of them", count)
            return False
        self._waiting_for = (
            f"{count} transactions in L1's pool or on the way there: of an earlier run, or undone by a reorg"
        )
        return True

    # --- what to propose ---

    async def _due_proposal(self, head: L1Block, heads: SyncHeads) -> Proposal | None:
        latest = self._keeper.latest
        if latest is not None and head.timestamp < latest.created_at + self._settings.proposal_interval:
            due = latest.created_at + self._settings.proposal_interval
            self._waiting_for = f"the next proposal's time, {due} (L1 is at {head.timestamp})"
            return None
        number = await self._provable_block(head, heads)
        if number is None:
            return None
        anchor = await anchor_block_number(self._rpc, self._factory, self._settings.game_type)
        if anchor is None:
            raise CriticalError(
                f"the factory {to_hex(self._settings.game_factory)} has no games of type {self._settings.game_type}: "
                "start the proposer with the chain's game type"
            )
        floor = max(anchor, latest.l2_block_number if latest else 0)
        if number <= floor:
            self._waiting_for = f"an L2 block after {floor} that can be proposed (the newest is {number})"
            return None
        return await self._proposal(number)

    async def _provable_block(self, head: L1Block, heads: SyncHeads) -> int | None:
        """The newest L2 block that any game created from now on must find right."""
        reference = min(head.number - self._settings.l1_depth, heads.current_l1.number)
        if reference < 0:
            self._waiting_for = f"L1 block {self._settings.l1_depth}"
            return None
        safe = await self._node.safe_head_at(reference)
        if safe.l1.number > reference:
            raise TemporaryError(
                f"the node gave the safe head as of L1 block {safe.l1}, asked was one as of {reference}"
            )
        canonical = await self._l1.block_at(safe.l1.number)
        if canonical.hash != safe.l1.hash:
            raise TemporaryError(
                f"the node knows L1 block {safe.l1}, but on L1 it is {canonical.id}: it has yet to follow an L1 reorg"
            )
        newest = heads.safe_l2 if self._settings.allow_non_finalized else heads.finalized_l2
        return min(newest.number, safe.l2.number)

    async def _proposal(self, number: int) -> Proposal | None:
        output = await self._node.output_at(number)
        if output.block.number != number or not output.is_consistent:
            raise TemporaryError(
                f"the node's output of L2 block {number} is not the hash of what it is made of (block {output.block}): "
                "nothing is proposed on such an answer"
            )
        block_number = L2BlockNumber(number)
        game_type = self._settings.game_type
        existing = await self._factory.find_game(game_type, output.root, game_extra_data(block_number))
        if existing is not None:
            self._waiting_for = f"a newer L2 block: {number} has been proposed already in game {to_hex(existing)}"
            return None
        bond = await self._factory.init_bond(game_type)
        return Proposal(output, bond, self._factory.create(game_type, output.root, block_number, bond))

    # --- money ---

    def _within_budget(self, actions: list[GameAction]) -> list[GameAction]:
        """As many actions as their fees may cost. Raises CriticalError when it is none, now and for ever."""
        budget, ceiling = self._settings.budget, self._settings.transaction_ceiling
        if budget is None or ceiling is None or not actions:
            return actions
        affordable = (budget - self._spent) // ceiling if ceiling else len(actions)
        if affordable < 1 and not self._may_wait_for(ceiling):
            raise self._out_of_budget(ceiling)
        return actions[: max(affordable, 0)]

    def _affords(self, proposal: Proposal, actions: int) -> bool:
        """Whether bond and fees fit the budget now. Raises CriticalError when they never will."""
        budget, ceiling = self._settings.budget, self._settings.transaction_ceiling
        if budget is None or ceiling is None:
            return True
        needed = proposal.bond + ceiling * (actions + 1)
        if self._spent + needed > budget:
            if self._may_wait_for(proposal.bond + ceiling):
                return False
            if not actions and not self._keeper.bonds_locked:
                raise self._out_of_budget(proposal.bond + ceiling)
            self._waiting_for = f"room in the budget: {self._spent} wei are spent, a game takes {proposal.bond} as bond"
            return False
        if self._spent + self._keeper.bonds_locked + needed > budget:
            self._waiting_for = (
                f"bonds to come back ({self._keeper.bonds_locked} wei are in games, the budget is {budget})"
            )
            return False
        return True

    def _may_wait_for(self, needed: int) -> bool:
        """Whether `needed` wei fit the budget once enough time has passed; then that is waited for."""
        budget, period = self._settings.budget, self._settings.budget_period
        if budget is None or period is None or needed > budget:
            return False
        self._waiting_for = (
            f"time to pass: of the budget of {budget} wei in {period} seconds {self._spent} are spent, and the next step "
            f"may take {needed}"
        )
        log.warning("the proposer waits for %s", self._waiting_for)
        return True

    def _out_of_budget(self, needed: int) -> CriticalError:
        return CriticalError(
            f"the proposer's budget of {self._settings.budget} wei is used up: {self._spent} are spent and the next "
            f"step may take {needed} wei; restart the proposer with a larger budget"
        )

    def _stop_if_lost(self) -> None:
        for game in self._keeper.games:
            if game.stage is GameStage.LOST and game.seen_running:
                raise CriticalError(
                    f"{game} was lost: others have shown its claim {to_hex(game.root_claim)} to be wrong. Find out "
                    "whether this proposer's node or the dispute went wrong before starting it again"
                )

    # --- sending ---

    async def _propose(self, proposal: Proposal) -> None:
        block = proposal.output.block
        receipt = await self._send(proposal.candidate, f"game for L2 block {block}")
        self._counters.games_created += 1
        game = self._factory.created_game(receipt.logs)
        log.info("created game %s for L2 block %s", to_hex(game) if game else "(unknown)", block)

    async def _act(self, action: GameAction) -> None:
        await self._send(action.candidate, f"{action.purpose} of {action.game}")
        log.info("%s: %s done", action.game, action.purpose)

    async def _send(self, candidate: TxCandidate, purpose: str) -> TransactionReceipt:
        try:
            receipt = await self._sender.send(candidate)
        except (TemporaryError, ResetError, CriticalError) as error:
            self._counters.transactions_failed += 1
            if isinstance(error, SendError) and error.cost:
                self._spending.record(self._now, error.cost)
            raise
        self._spending.record(self._now, receipt.cost)
        if not receipt.succeeded:
            self._counters.transactions_failed += 1
            raise TemporaryError(f"{purpose}: {receipt}; somebody else may have done the same before")
        self._counters.transactions_confirmed += 1
        return receipt
