"""A small chain for contract tests: messages under Prague's rules, no blocks, time under control.

`Chain` deploys and calls contracts as transactions (with real intrinsic gas and a gas limit) and as calls. Every
transaction is its own block by default, so that `block.number` and `block.timestamp` move as they do on a real chain.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from copy import copy, deepcopy
from dataclasses import dataclass
from typing import Any

import rlp
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from trie import HexaryTrie

from config.forks import EthFork
from config.types import Address, Hash32
from contracts import Artifact, load_artifact
from evm.engine.environment import BlockEnvironment
from evm.engine.message import MessageOutcome, run_message
from evm.engine.state import EvmState
from evm.forks import fork_rules
from l1.deployment import Delays, DeployParams, L1Addresses, ProofSettings, plan_contracts, plan_dispute_game
from l1.deployment.plan import StepMachine

START_TIME = 1_700_000_000
_RULES = fork_rules(EthFork.PRAGUE)
GAS_LIMIT = 30_000_000


class _Nothing:
    """The state that a chain starts from: no account."""

    def account(self, address: Address) -> None:
        """There is none."""

    def storage(self, address: Address, slot: int) -> int:
        """Nothing is set."""
        return 0

    def code(self, code_hash: Hash32) -> bytes:
        """No account has any."""
        raise KeyError(code_hash)


class Reverted(Exception):
    """A call reverted; `data` is what it returned and `error` the name of the custom error or the reason string."""

    def __init__(self, data: bytes, error: str) -> None:
        super().__init__(f"{error} (0x{data.hex()})" if error else f"0x{data.hex()}")
        self.data = data
        self.error = error


@dataclass(frozen=True)
class Log:
    """One event: the emitting contract, 32-byte topics, data."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class Result:
    """Outcome of a transaction: return data, events, gas used (execution and intrinsic, before refunds)."""

    output: bytes
    logs: tuple[Log, ...]
    gas_used: int


def account(name: str) -> bytes:
    """A test account's address, from a readable name."""
    return keccak(text=name)[12:]


def hex_address(raw: bytes) -> str:
    """Lower-case hex, as eth_abi decodes addresses."""
    return "0x" + raw.hex()


def create_address(sender: bytes, nonce: int) -> bytes:
    """Address of a contract created by CREATE."""
    return keccak(rlp.encode([sender, nonce]))[12:]


def reason(data: bytes, artifacts: Sequence[Artifact]) -> str:
    """Name of the custom error, or the reason string, that revert data carries."""
    if data[:4] == bytes.fromhex("08c379a0"):
        length = int.from_bytes(data[36:68], "big")
        return data[68 : 68 + length].decode()
    if data[:4] == bytes.fromhex("4e487b71"):
        return f"Panic({int.from_bytes(data[4:36], 'big'):#x})"
    for artifact in artifacts:
        for entry in artifact.abi:
            if entry["type"] == "error" and keccak(text=artifact.signature(entry))[:4] == data[:4]:
                return str(entry["name"])
    return ""


class Chain:
    """State, a clock and a block number. Accounts get ETH when first used as a sender."""

    def __init__(self, chain_id: int = 900) -> None:
        self.chain_id = chain_id
        self.timestamp = START_TIME
        self.number = 100
        self.base_fee = 1_000_000_000
        self.auto_mine = True
        self._artifacts: dict[str, Artifact] = {}
        self.state = EvmState(_Nothing(), self._environment(), _RULES.precompiles)

    def copy(self) -> Chain:
        """A chain of its own that goes on from here."""
        other = copy(self)
        other._artifacts = dict(self._artifacts)
        shared = (self.state.source, self.state.environment)
        other.state = deepcopy(self.state, {id(item): item for item in shared})
        return other

    def _environment(self) -> BlockEnvironment:
        return BlockEnvironment(
            chain_id=self.chain_id,
            number=self.number,
            timestamp=self.timestamp,
            coinbase=Address(account("coinbase")),
            gas_limit=GAS_LIMIT,
            base_fee=self.base_fee,
            prev_randao=Hash32(keccak(text="randao")),
            block_hash=self.block_hash,
        )

    def _enter_block(self) -> None:
        state, environment = self.state, self._environment()
        state.environment = state.execution_context = environment
        state.block_number, state.timestamp, state.base_fee = self.number, self.timestamp, self.base_fee

    @staticmethod
    def block_hash(number: int) -> Hash32:
        """Hash that the BLOCKHASH opcode gives for a block of this chain."""
        return Hash32(keccak(text=f"block {number}"))

    def mine(self, seconds: int = 12) -> None:
        """Starts a new block, `seconds` later."""
        self.number += 1
        self.timestamp += seconds
        self._enter_block()

    def set_balance(self, address: bytes, wei: int) -> None:
        """Gives an account exactly this balance."""
        self.state.set_balance(Address(address), wei)

    def balance(self, address: bytes) -> int:
        """Balance in wei."""
        return int(self.state.get_balance(Address(address)))

    def code(self, address: bytes) -> bytes:
        """Deployed code."""
        return bytes(self.state.get_code(Address(address)))

    def set_code(self, address: bytes, code: bytes) -> None:
        """Places code at an address."""
        self.state.set_code(Address(address), code)

    def storage(self, address: bytes, slot: int) -> int:
        """Value of a storage slot."""
        return int(self.state.get_storage(Address(address), slot))

    def set_storage(self, address: bytes, slot: int, value: int) -> None:
        """Sets a storage slot."""
        self.state.set_storage(Address(address), slot, value)

    def nonce(self, address: bytes) -> int:
        """Account nonce."""
        return int(self.state.get_nonce(Address(address)))

    def _run(self, sender: bytes, to: bytes | None, value: int, data: bytes, gas: int) -> MessageOutcome:
        """`sender` calls `to`, or creates the contract that its nonce, already raised, is for."""
        state, origin = self.state, Address(sender)
        created = None if to is not None else Address(create_address(sender, self.nonce(sender) - 1))
        target = created if to is None else Address(to)
        assert target is not None
        state.mark_address_warm(target)
        return run_message(
            state,
            _RULES,
            origin=origin,
            sender=origin,
            to=None if to is None else target,
            value=value,
            data=data,
            gas=gas,
            gas_price=self.base_fee,
            created=created,
        )

    def _finish(self, outcome: MessageOutcome, gas: int) -> Result:
        if not outcome.succeeded:
            raise Reverted(outcome.output, reason(outcome.output, list(self._artifacts.values())) or outcome.error)
        logs = tuple(Log(bytes(log.address), tuple(log.topics), log.data) for log in outcome.logs)
        return Result(outcome.output, logs, gas - outcome.gas_left)

    @staticmethod
    def _intrinsic(data: bytes, create: bool) -> int:
        zeros = data.count(0)
        return 21000 + 4 * zeros + 16 * (len(data) - zeros) + (32000 + 2 * ((len(data) + 31) // 32) if create else 0)

    def send(
        self, to: bytes | None, data: bytes = b"", value: int = 0, sender: bytes | None = None, gas: int = 16_777_216
    ) -> Result:
        """Runs a transaction.

        Raises:
            Reverted: it reverted; state is as before, except for the sender's nonce.
        """
        origin = sender if sender is not None else account("deployer")
        if self.balance(origin) < 10**24:
            self.set_balance(origin, 10**30)
        self.state.end_transaction()
        self.state.increment_nonce(Address(origin))
        snapshot = self.state.snapshot()
        outcome = self._run(origin, to, value, data, gas - self._intrinsic(data, to is None))
        if not outcome.succeeded:
            self.state.revert(snapshot)
        self.state.end_transaction(outcome.destroyed)
        if self.auto_mine:
            self.mine()
        return self._finish(outcome, gas)

    def call(self, to: bytes, data: bytes, sender: bytes | None = None, value: int = 0) -> bytes:
        """Runs a call and undoes its changes.

        Raises:
            Reverted: the call reverted.
        """
        self.state.end_transaction()
        caller = sender if sender is not None else account("anyone")
        if value:
            self.set_balance(caller, 10**30)
        outcome = self._run(caller, to, value, data, 100_000_000)
        self.state.abandon_transaction()
        return self._finish(outcome, 100_000_000).output

    def deploy(self, name: str, *args: Any, sender: bytes | None = None, value: int = 0) -> Contract:
        """Deploys a compiled contract with constructor arguments."""
        artifact = load_artifact(name)
        self._artifacts[name] = artifact
        origin = sender if sender is not None else account("deployer")
        address = create_address(origin, self.nonce(origin))
        self.send(None, artifact.encode_constructor(*args), value=value, sender=origin)
        return Contract(self, artifact, address)

    def at(self, name: str, address: bytes | str) -> Contract:
        """A contract that is already there, seen through an artifact's ABI."""
        artifact = load_artifact(name)
        self._artifacts[name] = artifact
        raw = bytes.fromhex(address[2:]) if isinstance(address, str) else address
        return Contract(self, artifact, raw)

    def set_base_fee(self, wei: int) -> None:
        """Base fee of this and later blocks."""
        self.base_fee = wei
        self._enter_block()

    def transfer(self, to: bytes, value: int, sender: bytes) -> Result:
        """Plain ETH transfer."""
        return self.send(to, b"", value, sender)


@dataclass(frozen=True)
class Contract:
    """A deployed contract: `send` for transactions, `call` for reads (one value, or a tuple of several)."""

    chain: Chain
    artifact: Artifact
    address: bytes

    @property
    def hex(self) -> str:
        """Address in lower-case hex."""
        return hex_address(self.address)

    def send(self, function: str, *args: Any, sender: bytes | None = None, value: int = 0) -> Result:
        """A transaction that calls a function."""
        return self.chain.send(self.address, self.artifact.encode_call(function, *args), value, sender)

    def call(self, function: str, *args: Any, sender: bytes | None = None, value: int = 0) -> Any:
        """Result of a call: the value itself when there is one, else a tuple."""
        output = self.chain.call(self.address, self.artifact.encode_call(function, *args), sender, value)
        values = self.artifact.decode_output(function, output)
        return values[0] if len(values) == 1 else values

    def events(self, result: Result, event: str) -> list[dict[str, Any]]:
        """Arguments of this contract's events of one kind in a result."""
        topic = self.artifact.event_topic(event)
        return [
            self.artifact.decode_event(event, log.topics, log.data)
            for log in result.logs
            if log.address == self.address and log.topics and log.topics[0] == topic
        ]


def deploy_proxied(
    chain: Chain, admin: Contract, name: str, init: bytes | Callable[[Artifact], bytes], *constructor_args: Any
) -> Contract:
    """A contract behind a proxy of `admin` (a ProxyAdmin owned by the deployer), initialised with `init`."""
    proxy = chain.deploy("Proxy", admin.address)
    implementation = chain.deploy(name, *constructor_args)
    data = init if isinstance(init, bytes) else init(implementation.artifact)
    admin.send("upgradeAndCall", proxy.address, implementation.address, data)
    return chain.at(name, proxy.address)


def storage_proof(storage: dict[bytes, int], slot: bytes) -> tuple[bytes, list[bytes]]:
    """Root of the storage trie with these slots (32-byte keys) and the proof nodes, root first, for one of them.

    A node that is embedded in its parent is repeated as an element of its own, as the contracts want it.
    """
    trie = HexaryTrie({})
    for key, value in storage.items():
        trie[keccak(key)] = rlp.encode(value)
    nodes: list[bytes] = []
    for node in trie.get_proof(keccak(slot)):
        encoded = rlp.encode(node)
        if node:
            nodes.append(encoded)
    return bytes(trie.root_hash), nodes


@dataclass(frozen=True)
class L1System:
    """All L1 contracts of a chain, deployed by the real deployment plan."""

    chain: Chain
    addresses: L1Addresses
    params: DeployParams

    def _at(self, name: str, address: bytes) -> Contract:
        return self.chain.at(name, address)

    @property
    def portal(self) -> Contract:
        """OptimismPortal2."""
        return self._at("OptimismPortal2", self.addresses.OptimismPortalProxy)

    @property
    def config(self) -> Contract:
        """SystemConfig."""
        return self._at("SystemConfig", self.addresses.SystemConfigProxy)

    @property
    def superchain(self) -> Contract:
        """SuperchainConfig."""
        return self._at("SuperchainConfig", self.addresses.SuperchainConfigProxy)

    @property
    def registry(self) -> Contract:
        """AnchorStateRegistry."""
        return self._at("AnchorStateRegistry", self.addresses.AnchorStateRegistryProxy)

    @property
    def factory(self) -> Contract:
        """DisputeGameFactory."""
        return self._at("DisputeGameFactory", self.addresses.DisputeGameFactoryProxy)

    @property
    def weth(self) -> Contract:
        """DelayedWETH."""
        return self._at("DelayedWETH", self.addresses.DelayedWETHProxy)

    @property
    def oracle(self) -> Contract:
        """PreimageOracle."""
        return self._at("PreimageOracle", self.addresses.PreimageOracle)

    def create_game(self, root: bytes, block: int, sender: bytes | None = None) -> Contract:
        """Proposes an output root; the game that results."""
        bond = self.factory.call("initBonds", self.params.game_type)
        extra = block.to_bytes(32, "big")
        self.factory.send("create", self.params.game_type, root, extra, value=bond, sender=sender)
        address, _ = self.factory.call("games", self.params.game_type, root, extra)
        return self.chain.at("FaultDisputeGame", address)


TEST_DELAYS = Delays(
    proof_maturity=500,
    game_finality=300,
    max_clock=3600,
    clock_extension=200,
    bond_withdrawal=400,
    preimage_challenge=100,
    timelock=1000,
)
ANCHOR_ROOT = Hash32(keccak(text="anchor"))
PRESTATE = Hash32(b"\x03" + keccak((0).to_bytes(32, "big") + (97).to_bytes(32, "big"))[1:])

NO_PROOFS = (bytes(20), bytes(32), bytes(32))
"""The last settings of a game that validity proofs cannot end."""


def mock_proof(program_id: bytes, public_values: bytes) -> bytes:
    """What MockZKVerifier accepts."""
    return keccak(encode(["string", "bytes32", "bytes32"], ["mock proof", program_id, keccak(public_values)]))


def deploy_l1(
    max_game_depth: int = 8,
    split_depth: int = 4,
    delays: Delays = TEST_DELAYS,
    *,
    with_proofs: bool = False,
    machine: StepMachine = StepMachine.ALPHABET,
    prestate: Hash32 = PRESTATE,
) -> L1System:
    """A fresh chain, all deployed; accounts `owner`, `guardian`, `batcher`, `signer`. The anchor is block 0.

    `with_proofs`: games can be ended by proofs that the mock verifier accepts, see `mock_proof`. `machine` executes steps,
    from `prestate` on.
    """
    deployed = _deployed_l1(max_game_depth, split_depth, delays, with_proofs, machine, prestate)
    return L1System(deployed.chain.copy(), deployed.addresses, deployed.params)


@functools.cache
def _deployed_l1(
    max_game_depth: int, split_depth: int, delays: Delays, with_proofs: bool, machine: StepMachine, prestate: Hash32
) -> L1System:
    chain = Chain()
    deployer = Address(account("deployer"))
    proofs = ProofSettings()
    if with_proofs:
        verifier = Address(chain.deploy("MockZKVerifier").address)
        proofs = ProofSettings(verifier, Hash32(keccak(text="program")), Hash32(keccak(text="configuration")))
    params = DeployParams(
        l2_chain_id=901,
        owner=Address(account("owner")),
        guardian=Address(account("guardian")),
        batcher=Address(account("batcher")),
        batch_inbox=Address(account("inbox")),
        unsafe_block_signer=Address(account("signer")),
        delays=delays,
        max_game_depth=max_game_depth,
        split_depth=split_depth,
        proofs=proofs,
    )
    plan = plan_contracts(deployer, chain.nonce(deployer), params)
    for call in plan.calls:
        chain.send(call.to, call.data, call.value, deployer, call.gas_limit)
    nonce = chain.nonce(deployer)
    plan = plan_dispute_game(deployer, nonce, plan.addresses, params, ANCHOR_ROOT, 0, prestate, machine=machine)
    for call in plan.calls:
        chain.send(call.to, call.data, call.value, deployer, call.gas_limit)
    # A call within the block of the retirement time would still be retired.
    chain.mine()
    return L1System(chain, plan.addresses, params)
