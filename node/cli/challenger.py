"""`lamina challenger`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.keys import KeystoreFile, PasswordFile
from node.cli.node import RollupFile
from node.cli.posting import (
    Budget,
    L1Rpcs,
    MetricsPort,
    PollInterval,
    PrivateKey,
    PrivateKeyFile,
    RollupRpc,
    RpcPort,
    serve,
)

if TYPE_CHECKING:
    from faultproof.challenger.programs import Programs
    from faultproof.host import HostEndpoints

L2Rpc = Annotated[
    str, typer.Option("--l2-eth-rpc", help="URL of the own node's execution RPC (trusted port, debug_ enabled).")
]
GameFactory = Annotated[str, typer.Option("--game-factory-address", help="DisputeGameFactory on L1.")]
Alphabet = Annotated[
    bool, typer.Option("--alphabet", help="Also play games whose steps the alphabet VM judges (development chains).")
]
Prestates = Annotated[
    list[Path] | None,
    typer.Option(
        "--prestate",
        help="First state of a fault-proof program, as `lamina vm load` writes it; may be repeated.",
        exists=True,
        dir_okay=False,
    ),
]
Preimages = Annotated[
    Path | None,
    typer.Option("--preimages", help="Directory that keeps the preimages of runs.", file_okay=False),
]
L1Beacon = Annotated[
    list[str] | None, typer.Option("--l1-beacon", help="URL of an L1 beacon endpoint, for blobs; may be repeated.")
]


def challenger(
    rollup_config: RollupFile,
    l1: L1Rpcs,
    l2: L2Rpc,
    rollup_rpc: RollupRpc,
    game_factory_address: GameFactory,
    key: PrivateKey = None,
    key_file: PrivateKeyFile = None,
    keystore: KeystoreFile = None,
    password: PasswordFile = None,
    mode: Annotated[
        str,
        typer.Option(
            "--mode", help="watch (send nothing), defend (true root claims only) or active (dispute false ones too)."
        ),
    ] = "active",
    game_types: Annotated[
        list[int] | None, typer.Option("--game-type", help="Kinds of games to look at; may be repeated. Default: 0.")
    ] = None,
    prestates: Prestates = None,
    alphabet: Alphabet = False,
    preimages: Preimages = None,
    l1_beacon: L1Beacon = None,
    resolve_all: Annotated[
        bool, typer.Option("--resolve-all", help="Resolve every game, not only disputed and own ones.")
    ] = False,
    game_window: Annotated[
        int, typer.Option("--game-window", help="Hours before the start in which games were created to be looked at.", min=1)
    ] = 672,
    neighbours: Annotated[
        int,
        typer.Option(
            "--neighbours",
            help="Blocks on either side of the claimed one that a false root is looked for in; 0: always bisect.",
            min=0,
        ),
    ] = 64,
    stopped: Annotated[bool, typer.Option("--stopped", help="Wait for admin_startChallenger.")] = False,
    budget: Budget = None,
    poll_interval: PollInterval = 6.0,
    rpc_port: RpcPort = 8561,
    metrics_port: MetricsPort = -1,
) -> None:
    """Play dispute games: false output roots lose, true ones are defended. The own node must follow L1 by itself.

    Example: LAMINA_CHALLENGER_KEY=0x.. lamina challenger --mode active --rollup.config rollup.json
    --l1-eth-rpc http://localhost:8540 --l2-eth-rpc http://localhost:9547 --rollup-rpc http://localhost:9547
    --game-factory-address 0x.. --prestate prestate.bin --l1-beacon http://localhost:5052
    """
    from config.rollup import RollupConfig
    from config.types import Wei, to_address
    from faultproof.challenger.driver import SETTLED_AT_ONCE
    from faultproof.challenger.service import ChallengerConfig, ChallengerService
    from faultproof.challenger.settings import ChallengerSettings, Mode
    from faultproof.host import HostEndpoints
    from l1.txmgr import LocalSigner, TxPolicy
    from node.challenger_rpc import ChallengerAdmin
    from node.cli.keys import private_key

    try:
        chosen_mode = Mode(mode)
    except ValueError as error:
        raise typer.BadParameter(f"--mode is watch, defend or active, not {mode!r}") from error
    l1_chain_id = RollupConfig.load(rollup_config).l1_chain_id
    endpoints = HostEndpoints(tuple(l1), l1_chain_id, tuple(l1_beacon or ()), l2)
    service = ChallengerService(
        ChallengerConfig(
            l1_rpcs=tuple(l1),
            rollup_rpc=rollup_rpc,
            l2_rpc=l2,
            l1_chain_id=l1_chain_id,
            signer=LocalSigner(private_key(key, key_file, keystore, password)),
            settings=ChallengerSettings(
                game_factory=to_address(game_factory_address),
                mode=chosen_mode,
                game_types=tuple(game_types or (0,)),
                poll_seconds=poll_interval,
                game_window=game_window * 3600,
                resolve_all=resolve_all,
                neighbours=neighbours,
                budget=None if budget is None else Wei(int(budget * 10**18)),
            ),
            programs=programs(alphabet, prestates or [], preimages, endpoints),
            tx_policy=TxPolicy(max_pending=SETTLED_AT_ONCE, poll_interval=min(poll_interval, 1.0)),
            stopped=stopped,
        )
    )
    serve(service, ChallengerAdmin(service), rpc_port, metrics_port)


def programs(alphabet: bool, prestates: list[Path], preimages: Path | None, endpoints: "HostEndpoints") -> "Programs":
    """What a challenger can run, with preimages from these endpoints. Raises CriticalError when a file holds no first state."""
    from faultproof.challenger.programs import AlphabetProgram, FaultProgram, ProgramInputs, Programs
    from faultproof.challenger.riscv import RiscvProgram, RunSource
    from faultproof.host import RpcHost, RunFacts, run_source

    known: list[FaultProgram] = [AlphabetProgram()] if alphabet else []
    if prestates:
        host = RpcHost(endpoints)

        def source(inputs: ProgramInputs) -> RunSource:
            facts = RunFacts(inputs.l1_head, inputs.agreed_number, inputs.claimed_number)
            return run_source(host, facts, preimages)

        known += [RiscvProgram.load(path, source) for path in prestates]
    return Programs(known)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(challenger)
