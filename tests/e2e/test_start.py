"""How a devnet starts, what it says about itself, and how it ends."""

import json
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from config.rollup import RollupConfig
from contracts.artifacts import load_artifact
from faultproof.vm.snapshot import read_snapshot
from tests.conftest import ROOT
from tests.e2e.conftest import OFTEN, QUICK, StartDevnet
from tests.e2e.running_devnet import (
    FREE_PORT_FLAGS,
    PORT_FLAGS,
    STOP_SECONDS,
    RunningDevnet,
    descendants_of,
    get_json,
    lamina,
    launch,
    rpc,
    still_running,
    stop,
    wait_until,
)


@pytest.fixture(scope="module")
def devnet(start_devnet: StartDevnet) -> RunningDevnet:
    """Games are about what they are by default."""
    return start_devnet(*OFTEN)


def test_the_first_block_is_there_when_the_info_file_is(devnet: RunningDevnet) -> None:
    assert int(devnet.l2("eth_blockNumber"), 16) >= 1
    block = devnet.l2("eth_getBlockByNumber", "0x1", True)
    assert [transaction["type"] for transaction in block["transactions"]] == ["0x7e"]


def test_the_info_file_says_where_everything_is(devnet: RunningDevnet) -> None:
    info = devnet.info
    assert rpc(info["l2"]["http"], "eth_chainId") == hex(info["l2"]["chainId"])
    assert rpc(info["verifier"]["http"], "eth_chainId") == hex(info["l2"]["chainId"])
    assert rpc(info["l1"]["http"], "eth_chainId") == hex(info["l1"]["chainId"])
    assert info["l2"]["ws"].startswith("ws://127.0.0.1:")
    assert info["l1"]["beacon"].startswith("http://127.0.0.1:")
    written = json.loads(Path(info["rollupConfig"]).read_text())
    for node in (info["l2"]["rollup"], info["verifier"]["rollup"]):
        assert rpc(node, "optimism_rollupConfig") == written
    rollup = RollupConfig.load(Path(info["rollupConfig"]))
    genesis = devnet.l2("eth_getBlockByNumber", "0x0", False)
    assert "0x" + rollup.genesis.l2.hash.hex() == genesis["hash"]
    assert int(json.loads(Path(info["genesis"]).read_text())["timestamp"], 16) == int(genesis["timestamp"], 16)
    assert len(info["accounts"]) == 6
    for account in info["accounts"]:
        assert int(devnet.l2("eth_getBalance", account["address"], "latest"), 16) == 10_000 * 10**18
    for name in (
        "OptimismPortalProxy",
        "DisputeGameFactoryProxy",
        "SystemConfigProxy",
        "L1StandardBridgeProxy",
        "L1CrossDomainMessengerProxy",
        "AnchorStateRegistryProxy",
        "PreimageOracle",
        "Multicall3",
    ):
        assert devnet.l1("eth_getCode", devnet.contract(name), "latest") != "0x", name


def test_every_role_says_that_it_is_healthy(devnet: RunningDevnet) -> None:
    info = devnet.info
    roles = {
        "l1": info["l1"]["http"],
        "sequencer": info["l2"]["rollup"],
        "verifier": info["verifier"]["rollup"],
        "batcher": info["batcher"]["rpc"],
        "proposer": info["proposer"]["rpc"],
        "challenger": info["challenger"]["rpc"],
    }
    assert set(roles) == set(info["processes"])
    for role, url in roles.items():
        with urllib.request.urlopen(f"{url}/healthz", timeout=10) as answer:
            assert answer.status == 200, role


def test_the_safe_and_finalized_heads_follow_and_the_verifier_agrees(devnet: RunningDevnet) -> None:
    def finalized() -> int:
        return int(devnet.verifier("eth_getBlockByNumber", "finalized", False)["number"], 16)

    wait_until("the verifier finalizes an L2 block", lambda: finalized() > 0)
    number = hex(finalized())
    ours = devnet.l2("eth_getBlockByNumber", number, False)
    assert ours == devnet.verifier("eth_getBlockByNumber", number, False)
    outputs = [rpc(url, "optimism_outputAtBlock", number)["outputRoot"] for url in _rollup_urls(devnet)]
    assert outputs[0] == outputs[1]


def test_games_are_about_the_shipped_program_and_the_challenger_has_it(devnet: RunningDevnet) -> None:
    home = Path(devnet.info["rollupConfig"]).parent
    chain = ("--rollup.config", str(home / "rollup.json"), "--l1.chain-config", str(home / "l1-chain.json"))
    printed = subprocess.run(lamina("prestate", *chain), cwd=ROOT, capture_output=True, check=True, timeout=60)
    prestate = json.loads(printed.stdout)["prestate"]
    game = _read(devnet, devnet.contract("DisputeGameFactoryProxy"), "DisputeGameFactory", "gameImpls", 0)
    assert _read(devnet, game, "FaultDisputeGame", "absolutePrestate") == bytes.fromhex(prestate[2:])
    machine = _read(devnet, game, "FaultDisputeGame", "vm")
    assert len(devnet.l1("eth_getCode", machine, "latest")) == 2 + 2 * len(load_artifact("RISCV").deployed_bytecode)
    state, _ = read_snapshot((home / "prestate.bin").read_bytes())
    assert "0x" + state.hash().hex() == prestate

    def games() -> list[dict[str, Any]]:
        return list(rpc(devnet.info["challenger"]["rpc"], "admin_getChallengerStatus")["games"])

    wait_until("the challenger judges a proposal", lambda: any(game["rootIsRight"] for game in games()))
    assert {game["problem"] for game in games()} == {None}


def _read(devnet: RunningDevnet, contract: str, name: str, function: str, *arguments: Any) -> Any:
    artifact = load_artifact(name)
    data = "0x" + artifact.encode_call(function, *arguments).hex()
    answer = devnet.l1("eth_call", {"to": contract, "data": data}, "latest")
    (value,) = artifact.decode_output(function, bytes.fromhex(answer[2:]))
    return value


def test_the_doctor_finds_nothing_wrong_with_either_node(devnet: RunningDevnet) -> None:
    done = subprocess.run(
        lamina("doctor", "--info", str(devnet.directory / "info.json"), "--json"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert [node["url"] for node in answer["nodes"]] == list(_rollup_urls(devnet))
    assert [head["head"] for node in answer["nodes"] for head in node["heads"]] == ["unsafe", "safe", "finalized"] * 2


def _rollup_urls(devnet: RunningDevnet) -> tuple[str, str]:
    return devnet.info["l2"]["rollup"], devnet.info["verifier"]["rollup"]


def test_every_number_of_the_dashboard_equals_the_rpc_value(devnet: RunningDevnet) -> None:
    state_url = f"{devnet.info['dashboard']}/api/state"
    with urllib.request.urlopen(devnet.info["dashboard"], timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/html")
        assert b"api/state" in answer.read()
    panels = get_json(state_url)
    assert {"sequencer", "verifier", "batcher", "proposer", "challenger", "l1"} <= set(panels)
    agreed: set[tuple[str, str]] = set()
    differed: set[tuple[str, str]] = set()

    def ask_all() -> dict[str, dict[str, Any]]:
        return {name: _flat(rpc(panel["url"], panel["method"], *panel["params"])) for name, panel in panels.items()}

    def all_agree() -> bool:
        # A value that is the same before and after has not moved in between, so the dashboard has to show it. But for a count
        # that went up and came down again just then: what once differs has to agree another time.
        before, shown, after = ask_all(), get_json(state_url), ask_all()
        for name, values in before.items():
            on_page = _flat(shown[name]["result"])
            for key, value in values.items():
                if after[name].get(key) == value:
                    (agreed if on_page.get(key) == value else differed).add((name, key))
        enough = all(
            sum(panel == name for panel, _ in agreed) >= min(3, len(values)) for name, values in before.items()
        )
        return enough and differed <= agreed

    try:
        wait_until("each panel showed values that stood still", all_agree)
    finally:
        print("shown, but not what the RPC says:", differed - agreed)


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """The leaves of a JSON document by their path."""
    if isinstance(value, dict):
        return {key: leaf for name, inner in value.items() for key, leaf in _flat(inner, f"{path}.{name}").items()}
    if isinstance(value, list):
        return {key: leaf for i, inner in enumerate(value) for key, leaf in _flat(inner, f"{path}[{i}]").items()}
    return {path: value}


def test_the_sequencer_stops_and_goes_on_when_told(devnet: RunningDevnet) -> None:
    stopped_at = devnet.rollup("admin_stopSequencer")
    assert devnet.rollup("admin_sequencerActive") is False
    head = devnet.l2("eth_getBlockByNumber", "latest", False)
    assert head["hash"] == stopped_at
    devnet.rollup("admin_startSequencer", stopped_at)
    assert devnet.rollup("admin_sequencerActive") is True
    wait_until("there is a block on the one it stopped at", lambda: _child_of(devnet, head) is not None)
    child = _child_of(devnet, head)
    assert child is not None
    assert child["parentHash"] == stopped_at


def _child_of(devnet: RunningDevnet, block: dict[str, Any]) -> dict[str, Any] | None:
    answer = devnet.l2("eth_getBlockByNumber", hex(int(block["number"], 16) + 1), False)
    return answer if answer is None else dict(answer)


def test_a_devnet_ends_with_all_its_processes_and_goes_on_from_where_it_was(tmp_path: Path) -> None:
    first = launch(tmp_path, *QUICK)
    try:
        wait_until("three blocks are there", lambda: int(first.l2("eth_blockNumber"), 16) >= 3)
        third = first.l2("eth_getBlockByNumber", "0x3", False)
        processes = [first.process.pid, *descendants_of(first.process.pid)]
        assert set(processes) >= set(first.info["processes"].values())
    finally:
        code = stop(first.process)
    assert code == 0
    wait_until("all its processes have ended", lambda: still_running(processes) == [])
    second = launch(tmp_path, *QUICK)
    try:
        assert second.l2("eth_getBlockByNumber", "0x3", False)["hash"] == third["hash"]
        assert second.info["contracts"] == first.info["contracts"]
    finally:
        assert stop(second.process) == 0


def test_an_ephemeral_devnet_leaves_nothing_behind(start_devnet: StartDevnet) -> None:
    running = start_devnet(*QUICK, "--ephemeral")
    home = Path(running.info["rollupConfig"]).parent
    assert home.exists()
    assert stop(running.process) == 0
    assert not home.exists()


def test_a_role_that_dies_ends_the_devnet_with_a_word_about_it(start_devnet: StartDevnet) -> None:
    running = start_devnet(*QUICK)
    subprocess.run(["kill", "-9", str(running.info["processes"]["batcher"])], check=True)
    assert running.process.wait(STOP_SECONDS) == 1
    # What is left of the killed role may write after the command's last word.
    own = [line for line in running.log.read_text().splitlines() if line.startswith("lamina: ")]
    assert own[-1] == "lamina: the batcher was ended by SIGKILL; the devnet was stopped"


def test_ports_that_are_taken_are_named(devnet: RunningDevnet, tmp_path: Path) -> None:
    port = devnet.info["l2"]["http"].rsplit(":", 1)[1]
    others = [word for flag in PORT_FLAGS if flag != "--http.port" for word in (flag, "0")]
    ended = subprocess.run(
        lamina("devnet", "--datadir", str(tmp_path / "data"), *others, "--http.port", port),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"lamina: ports are taken: http {port}.")
    assert not (tmp_path / "data").exists()


def test_a_stop_while_starting_leaves_no_process(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            lamina("devnet", "--datadir", str(tmp_path / "data"), *FREE_PORT_FLAGS),
            cwd=ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_until("a process is started", lambda: bool(descendants_of(process.pid)))
        children = descendants_of(process.pid)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(STOP_SECONDS) == 0
        print(f"stopped in {time.monotonic() - started:.1f} s")
        wait_until("no process is left", lambda: still_running(children) == [])
    finally:
        stop(process)
