"""The contracts of a dispute as a player uses them: everything about one game, its moves, and the preimage oracle."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.types import ZERO_ADDRESS, Address, Hash32, Wei, to_address, to_hex
from l1.candidate import TxCandidate
from l1.contract import BlockName, Contract
from l1.contracts import FaultDisputeGameContract, GameClaim
from l1.rpc import RpcCaller

NO_PARENT = (1 << 32) - 1
"""The root claim's parent index."""


@dataclass(frozen=True)
class GameConstants:
    """What is the same for all games of an implementation. Times in seconds.

    `challenge_period` is the preimage oracle's; `vm` executes steps.
    """

    game_type: int
    absolute_prestate: Hash32
    max_depth: int
    split_depth: int
    clock_extension: int
    max_clock: int
    challenge_period: int
    l2_chain_id: int
    vm: Address
    oracle: Address
    registry: Address


@dataclass(frozen=True)
class GameProgress:
    """What of a game changes besides its claims. `resolved` has an entry per claim that was asked about.

    None where nobody did it.
    """

    resolved: tuple[bool, ...]
    block_number_challenger: Address | None
    prover: Address | None


@dataclass(frozen=True)
class GameCredit:
    """What a game owes an account (wei): as a winner, and if all bonds go back. `mode` 0: not settled, 1: winners, 2: back."""

    mode: int
    normal: Wei
    refund: Wei
    is_unlocked: bool

    @property
    def amount(self) -> Wei:
        """What counts as long as nobody changes the mode."""
        return self.refund if self.mode == 2 else self.normal


class PlayedGameContract(FaultDisputeGameContract):
    """A game with all that a player needs."""

    async def constants(self) -> GameConstants:
        """The implementation's constants."""
        names = (
            "gameType",
            "absolutePrestate",
            "maxGameDepth",
            "splitDepth",
            "clockExtension",
            "maxClockDuration",
            "l2ChainId",
            "vm",
            "anchorStateRegistry",
        )
        answers = await self.read_many([(name, ()) for name in names])
        values = {name: answer[0] for name, answer in zip(names, answers, strict=True)}
        vm = to_address(values["vm"])
        oracle = await self._oracle_of(vm)
        return GameConstants(
            game_type=values["gameType"],
            absolute_prestate=Hash32(values["absolutePrestate"]),
            max_depth=values["maxGameDepth"],
            split_depth=values["splitDepth"],
            clock_extension=values["clockExtension"],
            max_clock=values["maxClockDuration"],
            challenge_period=int(await PreimageOracleContract(self._rpc, oracle).read_one("challengePeriod")),
            l2_chain_id=values["l2ChainId"],
            vm=vm,
            oracle=oracle,
            registry=to_address(values["anchorStateRegistry"]),
        )

    async def oracle(self) -> Address:
        """Where its steps read preimages; an implementation that nobody plays knows it too."""
        return await self._oracle_of(to_address(await self.read_one("vm")))

    async def _oracle_of(self, vm: Address) -> Address:
        return to_address(await Contract(self._rpc, vm, "RISCV").read_one("oracle"))

    async def claims_at(self, indices: Sequence[int], block: BlockName = "latest") -> list[GameClaim]:
        """Some of the claims, by their numbers."""
        if not indices:
            return []
        answers = await self.read_many([("claimData", (index,)) for index in indices], block)
        return [
            GameClaim(parent, to_address(countered_by), to_address(claimant), Wei(bond), Hash32(claim), position, clock)
            for parent, countered_by, claimant, bond, claim, position, clock in answers
        ]

    async def progress(self, indices: Sequence[int], block: BlockName = "latest") -> GameProgress:
        """Which of some claims are settled, and who ended the game in another way than by bisection."""
        answers = await self.read_many(
            [
                ("l2BlockNumberChallenged", ()),
                ("l2BlockNumberChallenger", ()),
                ("prover", ()),
                *(("resolvedSubgames", (index,)) for index in indices),
            ],
            block,
        )
        (challenged,), (challenger,), (prover,), *resolved = answers
        return GameProgress(
            tuple(bool(answer[0]) for answer in resolved),
            to_address(challenger) if challenged else None,
            None if to_address(prover) == ZERO_ADDRESS else to_address(prover),
        )

    async def credit_of(self, account: Address) -> GameCredit:
        """What the game owes an account."""
        who = to_hex(account)
        (mode,), (normal,), (refund,), (unlocked,) = await self.read_many(
            [
                ("bondDistributionMode", ()),
                ("normalModeCredit", (who,)),
                ("refundModeCredit", (who,)),
                ("hasUnlockedCredit", (who,)),
            ]
        )
        return GameCredit(mode, Wei(normal), Wei(refund), bool(unlocked))

    async def required_bond(self, position: int) -> Wei:
        """Bond (wei) of a claim at a position."""
        return Wei(await self.read_one("getRequiredBond", position))

    def move(self, disputed: Hash32, parent_index: int, value: Hash32, attack: bool, bond: Wei) -> TxCandidate:
        """Answer a claim whose value is `disputed`; `bond` is `required_bond` of the new position."""
        return self.candidate("attack" if attack else "defend", disputed, parent_index, value, value=bond)

    def step(self, index: int, attack: bool, state_data: bytes, proof: bytes) -> TxCandidate:
        """Counter a claim at the deepest level by executing one instruction."""
        return self.candidate("step", index, attack, state_data, proof)

    def add_local_data(self, ident: int, claim_index: int, offset: int) -> TxCandidate:
        """Put a part of the game's own data into the oracle, for the execution trace that a claim belongs to."""
        return self.candidate("addLocalData", ident, claim_index, offset)

    def challenge_root_block(
        self, output_proof: tuple[Hash32, Hash32, Hash32, Hash32], header_rlp: bytes
    ) -> TxCandidate:
        """Show that the root claim is about another block. `output_proof`: version, state root, message passer root, hash."""
        return self.candidate("challengeRootL2Block", output_proof, header_rlp)


@dataclass(frozen=True)
class LargePreimageProposal:
    """How far a large preimage is: time when all of it was there (zero before), bytes that were announced, blocks that are
    there, and whether somebody showed that it is wrong."""

    completed_at: int
    claimed_size: int
    blocks_processed: int
    countered: bool

    @staticmethod
    def of(metadata: bytes) -> "LargePreimageProposal":
        """From the oracle's word."""
        word = int.from_bytes(metadata, "big")
        return LargePreimageProposal(
            completed_at=word >> 192,
            claimed_size=word >> 128 & 0xFFFFFFFF,
            blocks_processed=word >> 96 & 0xFFFFFFFF,
            countered=bool(word & 0xFFFFFFFFFFFFFFFF),
        )


@dataclass(frozen=True)
class FollowedProposal:
    """A large preimage as its challengers look at it. `additions`: how often blocks were added; `bond` (wei) is zero once it was
    paid out, to the owner or to a challenger."""

    state: LargePreimageProposal
    additions: int
    bond: Wei


class PreimageOracleContract(Contract):
    """Preimages for steps."""

    def __init__(self, rpc: RpcCaller, address: Address) -> None:
        super().__init__(rpc, address, "PreimageOracle")

    async def has_part(self, key: Hash32, offset: int) -> bool:
        """Whether a step can read this part."""
        return bool(await self.read_one("preimagePartOk", key, offset))

    async def proposal_count(self, block: BlockName = "latest") -> int:
        """How many large preimages were ever proposed."""
        return int(await self.read_one("proposalCount", block=block))

    async def proposals_at(self, indices: Sequence[int], block: BlockName = "latest") -> list[tuple[Address, int]]:
        """Owner and number of proposals, by their places in the list of all."""
        if not indices:
            return []
        answers = await self.read_many([("proposals", (index,)) for index in indices], block)
        return [(to_address(owner), int(uuid)) for owner, uuid in answers]

    async def proposal_blocks(
        self, owner: Address, uuid: int, additions: Sequence[int], block: BlockName = "latest"
    ) -> list[int]:
        """The L1 blocks in which parts of a large preimage were added, by the numbers of these additions."""
        if not additions:
            return []
        answers = await self.read_many([("proposalBlocks", (to_hex(owner), uuid, index)) for index in additions], block)
        return [int(number) for (number,) in answers]

    async def followed(
        self, proposals: Sequence[tuple[Address, int]], block: BlockName = "latest"
    ) -> list[FollowedProposal]:
        """What challengers need to know of some large preimages, by owner and number."""
        names = ("proposalMetadata", "proposalBlocksLen", "proposalBonds")
        if not proposals:
            return []
        answers = await self.read_many(
            [(name, (to_hex(owner), uuid)) for owner, uuid in proposals for name in names], block
        )
        values = [answer[0] for answer in answers]
        return [
            FollowedProposal(LargePreimageProposal.of(metadata), int(additions), Wei(bond))
            for metadata, additions, bond in zip(values[::3], values[1::3], values[2::3], strict=True)
        ]

    async def kept_pieces(self, hashes: Sequence[Hash32], block: BlockName = "latest") -> list[bool]:
        """Which pieces of precompiles' inputs the oracle keeps, by their hashes."""
        answers = await self.read_many([("inputPieces", (piece,)) for piece in hashes], block)
        return [to_address(kept) != ZERO_ADDRESS for (kept,) in answers]

    async def tree_root(self, owner: Address, uuid: int, block: BlockName = "latest") -> Hash32:
        """The root of the tree over the blocks of a large preimage."""
        return Hash32(await self.read_one("getTreeRootLPP", to_hex(owner), uuid, block=block))

    async def proposal(self, owner: Address, uuid: int, block: BlockName = "latest") -> LargePreimageProposal:
        """What is known of a large preimage; all zero where there is none."""
        return LargePreimageProposal.of(await self.read_one("proposalMetadata", to_hex(owner), uuid, block=block))
