"""`lamina devnet`: a whole rollup on one machine."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from config.engine_mode import EngineMode
from node.cli.node import Engine


def devnet(
    context: typer.Context,
    datadir: Annotated[Path, typer.Option("--datadir", help="Where the devnet lives; an existing one goes on.")] = Path(
        ".lamina-devnet"
    ),
    ephemeral: Annotated[
        bool, typer.Option("--ephemeral", help="Use a new directory and delete it at the end.")
    ] = False,
    l1: Annotated[
        str, typer.Option("--l1", help="embedded, anvil, or the URL of an L1 execution endpoint.")
    ] = "embedded",
    l1_beacon: Annotated[
        str | None, typer.Option("--l1.beacon", help="URL of the beacon endpoint, with --l1 URL.")
    ] = None,
    l1_funding_key: Annotated[
        str | None,
        typer.Option("--l1.funding-key", help="With --l1 URL: key of an account that pays for it.", show_default=False),
    ] = None,
    l1_funding: Annotated[
        str, typer.Option("--l1.funding", help="With --l1 URL: ether that each of the devnet's accounts gets.")
    ] = "10",
    l1_chain_config: Annotated[
        Path | None, typer.Option("--l1.chain-config", help="With --l1 URL: its rules, where it does not tell them.")
    ] = None,
    l1_fork: Annotated[
        str, typer.Option("--l1.fork", help="Rules of the embedded L1 or anvil: prague or osaka.")
    ] = "prague",
    l1_slot_time: Annotated[
        int | None, typer.Option("--l1.slot-time", help="Seconds per slot of the embedded L1 or anvil.", min=1)
    ] = None,
    block_time: Annotated[int, typer.Option("--block-time", help="Seconds per L2 block.", min=1)] = 2,
    gas_limit: Annotated[
        int, typer.Option("--gas-limit", help="Gas of an L2 block.", min=21_000_000, max=500_000_000)
    ] = 60_000_000,
    accounts: Annotated[int, typer.Option("--accounts", help="Funded accounts.", min=1, max=1000)] = 10,
    engine: Engine = EngineMode.BOTH,
    no_challenger: Annotated[bool, typer.Option("--no-challenger", help="Leave the challenger out.")] = False,
    fault_program: Annotated[
        str | None,
        typer.Option(
            "--fault-program",
            help="ELF of the program that games are about, or alphabet: a toy. By default the one that ships with Lamina; "
            "the toy with --altda and --l1 anvil, whose data no program can follow.",
            show_default=False,
        ),
    ] = None,
    profile: Annotated[str, typer.Option("--profile", help="fast (short delays) or mainnet (the real ones).")] = "fast",
    proof_maturity_delay: Annotated[
        int | None,
        typer.Option("--proof-maturity-delay", help="Seconds from proving a withdrawal to executing it.", min=0),
    ] = None,
    game_finality_delay: Annotated[
        int | None,
        typer.Option("--game-finality-delay", help="Seconds from a game's resolution to its acceptance.", min=0),
    ] = None,
    max_clock_duration: Annotated[
        int | None, typer.Option("--max-clock-duration", help="Seconds of each side's clock in a game.", min=1)
    ] = None,
    proposal_interval: Annotated[
        int | None, typer.Option("--proposal-interval", help="Seconds between proposals.", min=1)
    ] = None,
    sequencing_window: Annotated[
        int, typer.Option("--sequencing-window", help="L1 blocks a batch may be late.", min=1)
    ] = 3600,
    http_port: Annotated[
        int, typer.Option("--http.port", help="The sequencer's JSON-RPC (0: any free port).", min=0, max=65_535)
    ] = 8545,
    ws_port: Annotated[int, typer.Option("--ws.port", help="The sequencer's WebSocket.", min=0, max=65_535)] = 8546,
    rollup_port: Annotated[
        int, typer.Option("--rollup.port", help="The sequencer's optimism_ and admin_.", min=0, max=65_535)
    ] = 9545,
    verifier_http_port: Annotated[
        int, typer.Option("--verifier.http.port", help="The verifier's JSON-RPC.", min=0, max=65_535)
    ] = 8547,
    verifier_rollup_port: Annotated[
        int, typer.Option("--verifier.rollup.port", help="The verifier's optimism_.", min=0, max=65_535)
    ] = 9547,
    verifier_feed: Annotated[
        bool,
        typer.Option(
            "--verifier.feed", help="The verifier follows the sequencer's unsafe blocks, too; else it only derives."
        ),
    ] = False,
    p2p_port: Annotated[
        int | None,
        typer.Option(
            "--p2p.port",
            help="The sequencer gossips its blocks on this port, to the verifier and to others; needs lamina[p2p].",
            show_default=False,
            min=1,
            max=65535,
        ),
    ] = None,
    l1_port: Annotated[int, typer.Option("--l1.port", help="The L1's JSON-RPC.", min=0, max=65_535)] = 8540,
    l1_beacon_port: Annotated[
        int, typer.Option("--l1.beacon.port", help="The L1's beacon API.", min=0, max=65_535)
    ] = 5052,
    batcher_port: Annotated[
        int, typer.Option("--batcher.port", help="The batcher's admin_.", min=0, max=65_535)
    ] = 8548,
    proposer_port: Annotated[
        int, typer.Option("--proposer.port", help="The proposer's admin_.", min=0, max=65_535)
    ] = 8560,
    challenger_port: Annotated[
        int, typer.Option("--challenger.port", help="The challenger's admin_.", min=0, max=65_535)
    ] = 8561,
    dashboard_port: Annotated[int, typer.Option("--dashboard.port", help="The dashboard.", min=0, max=65_535)] = 8080,
    da_server_port: Annotated[
        int, typer.Option("--da-server.port", help="The DA server, with --altda.", min=0, max=65_535)
    ] = 3100,
    alt_da: Annotated[
        bool, typer.Option("--altda", help="Keep batch data in a DA server; L1 gets commitments (alt-DA).")
    ] = False,
    info: Annotated[Path | None, typer.Option("--info", help="Where to write the info file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the info as JSON instead of a table.")] = False,
) -> None:
    """Bring up a whole rollup: L1, contracts, sequencer, verifier, batcher, proposer and challenger.

    Examples: lamina devnet; lamina devnet --ephemeral --block-time 1 --accounts 3
    """
    from dataclasses import replace

    from config.forks import EthFork
    from config.types import Wei
    from node.bridge.amounts import parse_amount
    from node.cli.keys import private_key
    from node.devnet.command import Devnet
    from node.devnet.settings import DevnetSettings, Ports, Profile

    try:
        fork = EthFork[l1_fork.upper()]
        chosen_profile = Profile(profile)
    except (KeyError, ValueError) as error:
        raise typer.BadParameter(
            f"unknown value {error}: --l1.fork is prague or osaka, --profile fast or mainnet"
        ) from error
    if l1 not in ("embedded", "anvil") and not l1.startswith(("http://", "https://")):
        raise typer.BadParameter(f"--l1 is embedded, anvil or a URL, not {l1!r}")
    if l1 not in ("embedded", "anvil") and l1_beacon is None:
        raise typer.BadParameter("--l1 URL needs --l1.beacon URL: the chain's data is in blobs")
    program = _fault_program(fault_program, l1, alt_da)
    directory = Path(tempfile.mkdtemp(prefix="lamina-devnet-")) if ephemeral else datadir
    settings = DevnetSettings(
        datadir=directory,
        l1=l1,
        l1_beacon=l1_beacon,
        l1_funding_key=None if l1_funding_key is None else private_key(l1_funding_key, None, flag="--l1.funding-key"),
        l1_funding=Wei(parse_amount(l1_funding)),
        l1_chain_config=l1_chain_config,
        l1_fork=fork,
        block_time=block_time,
        gas_limit=gas_limit,
        accounts=accounts,
        engine=engine,
        sequencing_window=sequencing_window,
        info=info,
        challenger=not no_challenger,
        verifier_follows=verifier_feed,
        p2p_port=p2p_port,
        fault_program=program,
        alt_da=alt_da,
        ports=Ports(
            http=http_port,
            ws=ws_port,
            rollup=rollup_port,
            verifier_http=verifier_http_port,
            verifier_rollup=verifier_rollup_port,
            l1=l1_port,
            l1_beacon=l1_beacon_port,
            batcher=batcher_port,
            proposer=proposer_port,
            challenger=challenger_port,
            da_server=da_server_port if alt_da else 0,
            dashboard=dashboard_port,
        ),
        log_level=context.obj["log_level"],
        log_format=context.obj["log_format"],
    ).with_profile(chosen_profile)
    delays = settings.delays
    settings = replace(
        settings,
        l1_slot_seconds=l1_slot_time or settings.l1_slot_seconds,
        proposal_interval=proposal_interval or settings.proposal_interval,
        delays=replace(
            delays,
            proof_maturity=delays.proof_maturity if proof_maturity_delay is None else proof_maturity_delay,
            game_finality=delays.game_finality if game_finality_delay is None else game_finality_delay,
            max_clock=delays.max_clock if max_clock_duration is None else max_clock_duration,
        ),
    )
    try:
        ended = asyncio.run(Devnet(settings).run(_print_json if as_json else _print_table))
    finally:
        if ephemeral:
            shutil.rmtree(directory, ignore_errors=True)
    if ended is not None:
        raise ValueError(f"{ended}; the devnet was stopped")


def _fault_program(wanted: str | None, l1: str, alt_da: bool) -> Path | None:
    """The program's file; None for the alphabet VM. Raises BadParameter."""
    from faultproof.shipped import FAULT_PROOF_PROGRAM

    if wanted is None:
        # The program reads data from L1 only, and anvil's blocks with blobs do not hash to their transactions.
        return None if alt_da or l1 == "anvil" else FAULT_PROOF_PROGRAM
    if wanted == "alphabet":
        return None
    if alt_da:
        raise typer.BadParameter("--altda goes with --fault-program alphabet only: the program reads data from L1 only")
    if not Path(wanted).is_file():
        raise typer.BadParameter(f"--fault-program is alphabet or an ELF file, and there is no file {wanted}")
    return Path(wanted)


def _print_json(info: dict[str, Any]) -> None:
    import json

    print(json.dumps(info), flush=True)


def _print_table(info: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if console.width < 130 and not console.is_terminal:
        console = Console(highlight=False, width=130)
    places = Table(show_header=False, box=None, title="devnet", title_justify="left", title_style="bold")
    for name, value in (
        ("L2 JSON-RPC", info["l2"]["http"]),
        ("L2 WebSocket", info["l2"]["ws"]),
        ("L2 rollup RPC", info["l2"]["rollup"]),
        *([("L2 gossip", info["l2"]["p2p"])] if "p2p" in info["l2"] else []),
        ("L2 chain id", str(info["l2"]["chainId"])),
        ("verifier", info["verifier"]["http"]),
        ("L1 JSON-RPC", info["l1"]["http"]),
        ("L1 beacon", info["l1"]["beacon"]),
        ("L1 chain id", str(info["l1"]["chainId"])),
        ("dashboard", info["dashboard"]),
        ("rollup config", info["rollupConfig"]),
    ):
        places.add_row(name, value)
    console.print(places)
    accounts = Table(
        box=None, title="accounts (10,000 ETH each on L1 and L2; keys known to everyone)", title_justify="left"
    )
    accounts.add_column("address", no_wrap=True)
    accounts.add_column("private key", overflow="fold", min_width=66)
    for account in info["accounts"]:
        accounts.add_row(account["address"], account["privateKey"])
    console.print(accounts)
    contracts = Table(show_header=False, box=None, title="L1 contracts", title_justify="left")
    for name, address in info["contracts"].items():
        if not name.endswith("Impl"):
            contracts.add_row(name, address)
    console.print(contracts)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(devnet)
