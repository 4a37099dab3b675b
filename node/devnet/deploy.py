"""Makes the files of a new devnet: L1 with the contracts on it, L2 genesis, rollup configuration, addresses."""

import json
import logging
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from config.constants import EMPTY_TRIE_ROOT
from config.errors import CriticalError
from config.genesis import Genesis, dump_genesis, l1_genesis_alloc
from config.l1_chain import L1ChainConfig
from config.program import check_provable, program_config
from config.rollup import AltDaConfig, RollupConfig
from config.types import ZERO_ADDRESS, Address, Hash32, Timestamp, short, to_address
from contracts.artifacts import load_artifact
from derivation.codec import CommitmentType
from evm.genesis import genesis_block
from evm.store.kv import LevelDbStore
from evm.types import Header, keccak256
from faultproof.preimage import MemorySource
from faultproof.vm.elf import read_elf
from faultproof.vm.reference import ReferenceMachine
from faultproof.vm.snapshot import save
from l1.deployment.addresses import L1Addresses
from l1.deployment.deploy import DeploymentSender, deploy_contracts, install_dispute_game
from l1.deployment.params import NO_PROOFS, DeployParams, ProofSettings
from l1.deployment.plan import PlannedCall, StepMachine, create_address, creation_gas
from l1.kzg import KzgWorker
from node.chain import Chain
from node.devl1.genesis import DEV_L1_CHAIN_ID, DEV_L1_GAS_LIMIT, dev_l1_chain_config
from node.devl1.sender import InProcessSender
from node.devl1.service import DevL1, DevL1Options, initialise_dev_l1
from node.devnet.accounts import DevAccount, DevRoles, role_accounts, user_accounts
from node.devnet.genesis import L2Start, make_l2_start
from node.devnet.settings import L2_CHAIN_ID, DevnetSettings
from proposer.output_root import output_root_v0

log = logging.getLogger("lamina.devnet")

DEV_FUNDS = 10_000 * 10**18
_SLOTS_FOR_DEPLOYMENT = 8
"""The embedded L1 begins this many slots in the past, so that deployment fills real slots without waiting."""

ALPHABET_PRESTATE = Hash32(b"\x03" + keccak256(bytes(64))[1:])
"""The absolute prestate of the alphabet VM, which judges steps where there is no fault-proof program."""


@dataclass(frozen=True)
class DevnetFiles:
    """Where everything of a devnet is."""

    datadir: Path

    @property
    def l1_dir(self) -> Path:
        """The embedded L1's store."""
        return self.datadir / "l1"

    @property
    def sequencer_dir(self) -> Path:
        """The sequencer's data directory."""
        return self.datadir / "sequencer"

    @property
    def verifier_dir(self) -> Path:
        """The verifier's data directory."""
        return self.datadir / "verifier"

    @property
    def rollup(self) -> Path:
        """The rollup configuration."""
        return self.datadir / "rollup.json"

    @property
    def genesis(self) -> Path:
        """The L2 genesis document."""
        return self.datadir / "genesis.json"

    @property
    def da_dir(self) -> Path:
        """The DA server's payloads, with alt-DA."""
        return self.datadir / "da"

    @property
    def l1_chain(self) -> Path:
        """The L1 chain configuration."""
        return self.datadir / "l1-chain.json"

    @property
    def addresses(self) -> Path:
        """The L1 contracts."""
        return self.datadir / "addresses.json"

    @property
    def prestate(self) -> Path:
        """The first state of the fault-proof program, where games are about one."""
        return self.datadir / "prestate.bin"

    @property
    def preimages_dir(self) -> Path:
        """The preimages of the challenger's runs."""
        return self.datadir / "preimages"

    @property
    def exists(self) -> bool:
        """Whether a whole devnet has been made here."""
        return self.addresses.is_file() and not self._unfinished.exists()

    @property
    def _unfinished(self) -> Path:
        return self.datadir / "unfinished"

    def begin(self) -> None:
        """Note that a devnet is being made here, after deleting what a making that was cut off has left.

        Raises CriticalError when the directory holds chains, but neither a devnet nor the rest of an unfinished one.
        """
        chains = [path for path in (self.l1_dir, self.sequencer_dir, self.verifier_dir) if path.exists()]
        if chains and not self._unfinished.exists():
            raise CriticalError(
                f"{self.datadir} holds {', '.join(path.name for path in chains)}, but no devnet that could go on: "
                "use another --datadir, or delete this one"
            )
        self.datadir.mkdir(parents=True, exist_ok=True)
        self._unfinished.touch()
        for path in chains:
            log.warning("deleting what an unfinished making of a devnet has left", extra={"directory": str(path)})
            shutil.rmtree(path)

    def finish(self, addresses: L1Addresses) -> None:
        """Note that the devnet has been made."""
        addresses.write(self.addresses)
        self._unfinished.unlink()


MOCK_PROOF_PROGRAM = Hash32(keccak256(b"program"))
MOCK_PROOF_CONFIGURATION = Hash32(keccak256(b"configuration"))
"""What mock proofs are about: nothing of the chain follows from them."""


def deploy_params(settings: DevnetSettings, roles: DevRoles, proofs: ProofSettings = NO_PROOFS) -> DeployParams:
    """What the contracts of a devnet are told."""
    return DeployParams(
        l2_chain_id=L2_CHAIN_ID,
        owner=roles.owner.address,
        guardian=roles.owner.address,
        batcher=roles.batcher.address,
        batch_inbox=to_address("0xff00000000000000000000000000000000000901"),
        unsafe_block_signer=roles.sequencer.address,
        gas_limit=settings.gas_limit,
        delays=settings.delays,
        max_game_depth=settings.max_game_depth,
        split_depth=settings.split_depth,
        proofs=proofs,
    )


async def mock_proofs(sender: DeploymentSender) -> ProofSettings:
    """Deploy the verifier that takes what anybody can compute for a proof."""
    nonce = await sender.next_nonce()
    code = load_artifact("MockZKVerifier").bytecode
    verifier = create_address(sender.address, nonce)
    call = PlannedCall("MockZKVerifier", None, code, creation_gas(code, len(code)), creates=verifier)
    (result,) = await sender.send_many(nonce, [call])
    if not result.succeeded:
        raise CriticalError(
            f"MockZKVerifier could not be deployed: transaction {short(result.transaction_hash)} failed"
        )
    return ProofSettings(verifier, MOCK_PROOF_PROGRAM, MOCK_PROOF_CONFIGURATION)


def funded(users: list[DevAccount], roles: DevRoles) -> Mapping[Address, int]:
    """Balances (wei) that a devnet gives its accounts."""
    return {account.address: DEV_FUNDS for account in (*users, *roles.all())}


def with_zero_address(balances: Mapping[Address, int]) -> Mapping[Address, int]:
    """The balances, and one for the zero address, which is rich on public chains.

    Clients estimate calls with value without naming a sender (viem's `buildInitiateWithdrawal` does) and count on that.
    """
    return {**balances, ZERO_ADDRESS: DEV_FUNDS}


async def make_embedded(settings: DevnetSettings) -> DevnetFiles:
    """A new devnet with its own L1: everything is on disk when this returns, nothing runs.

    Raises CriticalError when a part of it cannot be made; the directory is then of no use.
    """
    files = DevnetFiles(settings.datadir)
    files.begin()
    roles, users = role_accounts(), user_accounts(settings.accounts)
    chain_config = dev_l1_chain_config(settings.l1_fork)
    files.l1_chain.write_text(json.dumps(chain_config.to_json(), indent=2) + "\n")
    kv = LevelDbStore(files.l1_dir)
    genesis_time = int(time.time()) - _SLOTS_FOR_DEPLOYMENT * settings.l1_slot_seconds
    initialise_dev_l1(
        kv,
        Genesis(
            config=chain_config.to_json(),
            timestamp=Timestamp(genesis_time),
            gas_limit=DEV_L1_GAS_LIMIT,
            alloc=l1_genesis_alloc(with_zero_address(funded(users, roles))),
        ),
        chain_config,
    )
    kzg = KzgWorker()
    l1 = DevL1(kv, chain_config, DevL1Options(settings.l1_slot_seconds, lags=settings.lags), kzg, files.l1_dir)
    try:
        # Deployment happens at the slots just behind genesis, not now.
        l1.clock.offset = genesis_time - time.time()
        sender = InProcessSender(
            l1.execution.chain, l1.execution.pool, l1.producer, l1.clock, roles.deployer.private_key
        )
        await deploy(sender, settings, DEV_L1_CHAIN_ID, lambda: l1.execution.chain.head, files, users, roles)
        if l1.producer.head_slot() > _SLOTS_FOR_DEPLOYMENT:
            log.warning("deployment took more slots than planned", extra={"slots": l1.producer.head_slot()})
        l1.clock.offset = 0.0
    finally:
        await l1.stop()
        kzg.close()
    return files


async def deploy(
    sender: DeploymentSender,
    settings: DevnetSettings,
    l1_chain_id: int,
    head: Callable[[], Header],
    files: DevnetFiles,
    users: list[DevAccount],
    roles: DevRoles,
) -> None:
    """Deploy through any sender and write the files. Order: contracts, L1 start block, L2 genesis, rollup config, game."""
    params = deploy_params(settings, roles, await mock_proofs(sender) if settings.mock_proofs else NO_PROOFS)
    addresses = await deploy_contracts(sender, params)
    start = make_l2_start(
        l1_chain_id,
        head(),
        addresses,
        params,
        block_time=settings.block_time,
        sequencing_window=settings.sequencing_window,
        accounts=with_zero_address(funded(users, roles)),
        alt_da=AltDaConfig(CommitmentType.GENERIC) if settings.alt_da else None,
    )
    write_l2(files, start)
    header = start.block.header
    anchor = output_root_v0(header.state_root, header.withdrawals_root or EMPTY_TRIE_ROOT, header.hash)
    prestate, machine = ALPHABET_PRESTATE, StepMachine.ALPHABET
    if settings.fault_program is not None:
        prestate, machine = make_prestate(settings.fault_program, start.rollup, files), StepMachine.RISCV
    addresses = await install_dispute_game(sender, addresses, params, anchor, 0, prestate, machine=machine)
    files.finish(addresses)


def make_prestate(program: Path, rollup: RollupConfig, files: DevnetFiles) -> Hash32:
    """Write the first state of a fault-proof program for the devnet's chain; answers its commitment.

    Raises CriticalError when the file holds no such program.
    """
    try:
        check_provable(rollup)
        configured = read_elf(program.read_bytes()).configured(
            program_config(rollup, L1ChainConfig.load(files.l1_chain))
        )
    except (OSError, ValueError) as error:
        raise CriticalError(f"{program} is no fault-proof program: {error}") from error
    return save(files.prestate, ReferenceMachine(*configured.state(), MemorySource({}))).hash()


def write_l2(files: DevnetFiles, start: L2Start) -> None:
    """Write genesis and rollup configuration, and the stores of both nodes."""
    dump_genesis(start.genesis, files.genesis)
    start.rollup.save(files.rollup)
    block, update = genesis_block(start.genesis, start.rollup.forks)
    for directory in (files.sequencer_dir, files.verifier_dir):
        kv = LevelDbStore(directory / "chaindata")
        try:
            Chain.initialise(kv, block, update)
        finally:
            kv.close()
