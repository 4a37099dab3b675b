"""viem and cast, unmodified, against a devnet with default delays: what dapps, wallets and scripts do."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from contracts.artifacts import load_artifact
from tests.conftest import ROOT
from tests.e2e.conftest import StartDevnet
from tests.e2e.running_devnet import RunningDevnet

pytestmark = pytest.mark.node

SCRIPTS = Path(__file__).parent / "js"
INSTALL_SECONDS = 240
ROUND_TRIP_SECONDS = 300
"""More than a round trip may take on any machine; on an idle one it takes under three minutes."""


@pytest.fixture(scope="session")
def packages(node_js: str) -> Path:
    """A folder with the scripts and the packages that the lock file names, installed once; skips where they cannot be had."""
    lock = (SCRIPTS / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("LAMINA_JS_CACHE", ROOT / ".cache" / "client-tests"))
    folder = cache / hashlib.sha256(lock).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for source in [*SCRIPTS.glob("*.mjs"), *SCRIPTS.glob("*.json")]:
        shutil.copy(source, folder)
    complete = folder / ".installed"
    if not complete.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not installed")
        try:
            install = subprocess.run(
                [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS,
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm did not install viem and cast within {INSTALL_SECONDS} s")
        if install.returncode:
            pytest.skip(f"npm cannot install viem and cast: {install.stderr.strip()[-300:]}")
        complete.touch()
    return folder


@pytest.fixture(scope="module")
def devnet(start_devnet: StartDevnet) -> RunningDevnet:
    """A devnet on the default profile, as `lamina devnet` without flags makes it."""
    return start_devnet()


@pytest.fixture
def run_script(packages: Path, node_js: str, devnet: RunningDevnet) -> Any:
    """Run a script against the devnet; answers the document that it prints. Fails the test when it throws."""

    def run(script: str, *arguments: str, timeout: float = 120) -> Any:
        info = devnet.directory / "info.json"
        ended = subprocess.run(
            [node_js, str(packages / script), str(info), *arguments], capture_output=True, text=True, timeout=timeout
        )
        assert ended.returncode == 0, f"{script} failed:\n{ended.stderr[-4000:]}"
        print(ended.stderr)
        return json.loads(ended.stdout)

    return run


def test_viem_takes_ether_in_and_out_again(run_script: Any, devnet: RunningDevnet) -> None:
    told = run_script("round_trip.mjs", timeout=ROUND_TRIP_SECONDS)
    print("viem's round trip, seconds from its start:", told["seconds"])
    assert told["portalMajor"] >= 3
    assert told["statuses"][0] in ("waiting-to-prove", "ready-to-prove")
    assert told["statuses"][1:] == ["ready-to-prove", "waiting-to-finalize", "ready-to-finalize", "finalized"]
    deposit, withdrawal = told["deposit"], told["withdrawal"]
    assert (deposit["l1Status"], deposit["l2Status"]) == ("success", "success")
    assert (deposit["kind"], deposit["type"]) == ("deposit", "0x7e")
    assert deposit["arrived"] == deposit["l1Extra"] == deposit["mint"] == deposit["value"]
    assert (withdrawal["l2Status"], withdrawal["proveStatus"], withdrawal["finalizeStatus"]) == ("success",) * 3
    assert withdrawal["arrived"] == withdrawal["l2Extra"] == withdrawal["messageValue"] == withdrawal["value"]
    assert int(withdrawal["proveGasUsed"]) <= int(withdrawal["proveGas"])
    assert int(told["output"]["block"]) >= int(told["initiatedIn"])
    output = devnet.rollup("optimism_outputAtBlock", hex(int(told["output"]["block"])))
    assert output["outputRoot"] == told["output"]["root"]


def test_viem_sends_deploys_calls_watches_and_is_charged_what_was_foretold(run_script: Any) -> None:
    told = run_script("chain_use.mjs", "0x" + load_artifact("WETH98").bytecode.hex())
    transfer, estimate = told["transfer"], told["estimate"]
    assert transfer["status"] == "success"
    assert transfer["arrived"] == transfer["value"]
    assert transfer["paid"] == transfer["charged"]
    assert transfer["l1Fee"] == transfer["oracleFee"]
    assert int(estimate["l1Fee"]) == pytest.approx(int(transfer["l1Fee"]), rel=0.2)
    assert int(estimate["l1Gas"]) > 0
    assert int(estimate["totalGas"]) >= int(estimate["l1Gas"]) + 21_000
    assert int(estimate["totalFee"]) >= int(estimate["l1Fee"])
    assert estimate["operatorFee"] == "0"
    assert int(estimate["l1BaseFee"]) > 0
    contract = told["contract"]
    assert (contract["simulated"], contract["balance"], contract["moved"]) == (True, "400", "success")
    assert contract["logs"] == [[told["movedIn"], "400"]]
    assert told["watched"] == [told["movedIn"]]
    delegation = told["delegation"]
    assert (delegation["type"], delegation["status"]) == ("eip7702", "success")
    assert delegation["code"] == "0xef0100" + delegation["to"][2:].lower()
    assert len(told["heads"]) >= 3
    assert told["heads"] == told["canonical"]


def test_viem_takes_a_token_in_and_starts_it_on_its_way_out(run_script: Any) -> None:
    told = run_script("token.mjs", "0x" + load_artifact("WETH98").bytecode.hex())
    assert told["relayed"] == "success"
    assert told["remote"].lower() == told["token"].lower()
    assert told["afterDeposit"] == {"l1": "0", "l2": told["amount"]}
    assert int(told["afterWithdrawal"]) == int(told["amount"]) - int(told["out"])
    assert told["withdrawalTarget"].lower() == told["messenger"]


def test_viem_foretells_blocks_calls_and_changes_of_assets_and_fills_a_transaction_in(run_script: Any) -> None:
    told = run_script("simulate.mjs", "0x" + load_artifact("WETH98").bytecode.hex())
    first, second = told["blocks"]
    assert int(second["number"]) == int(first["number"]) + 1 and second["parent"] == first["hash"]
    assert (first["baseFee"], second["baseFee"]) == ("0", "7")
    assert told["statuses"] == ["success", "success"] and told["l1"] == ["success"]
    assert told["transfer"] == [["0x" + "ee" * 20, str(10**18)]]
    assert told["before"] == "0", "nothing of it is on the chain"
    assert told["results"] == [["success", True], ["success", None], ["failure", None]]
    assert told["changes"] == [["0x" + "ee" * 20, "-5"], [told["token"], "-400"]]
    filled = told["filled"]
    assert (filled["to"], int(filled["nonce"], 16), filled["type"]) == (told["token"], told["nonce"], "0x2")


@pytest.fixture
def cast(packages: Path, devnet: RunningDevnet) -> Any:
    """Run cast against L2 (or the URL of `rpc_url`); answers what it prints. Skips where there is no binary for this machine."""
    binary = packages / "node_modules/@foundry-rs/cast-linux-amd64/bin/cast"
    if not binary.exists():
        pytest.skip("cast has no package for this machine")

    def run(*arguments: str, rpc_url: str = "") -> str:
        environment = {
            "HOME": str(packages),
            "PATH": os.environ["PATH"],
            "NO_PROXY": "127.0.0.1",
            "ETH_RPC_URL": rpc_url or devnet.l2_url,
        }
        ended = subprocess.run([str(binary), *arguments], capture_output=True, text=True, timeout=60, env=environment)
        assert ended.returncode == 0, f"cast {' '.join(arguments)} failed: {ended.stderr}"
        return ended.stdout.strip()

    return run


def test_cast_sends_deploys_calls_and_reads(cast: Any, devnet: RunningDevnet) -> None:
    key = ("--private-key", devnet.key(2))
    to = "0x00000000000000000000000000000000000CA57a"
    sent = json.loads(cast("send", to, "--value", "1.5ether", *key, "--json"))
    assert (sent["status"], int(sent["gasUsed"], 16)) == ("0x1", 21_000)
    assert cast("balance", to) == str(15 * 10**17)
    read_back = json.loads(cast("receipt", sent["transactionHash"], "--json"))
    # `cast send` leaves out the fields that only rollups have.
    assert read_back == {**read_back, **sent}
    assert int(read_back["l1Fee"], 16) > 0
    for kind in ("--legacy", "--access-list"):
        assert json.loads(cast("send", to, "--value", "1", kind, *key, "--json"))["status"] == "0x1"

    created = json.loads(cast("send", *key, "--json", "--create", "0x" + load_artifact("WETH98").bytecode.hex()))
    weth = created["contractAddress"]
    assert cast("code", weth) == "0x" + load_artifact("WETH98").deployed_bytecode.hex()
    paid = json.loads(cast("send", weth, "deposit()", "--value", "42", *key, "--json"))
    owner = devnet.info["accounts"][2]["address"]
    assert cast("call", weth, "balanceOf(address)(uint256)", owner) == "42"
    (log,) = json.loads(
        cast("logs", "Deposit(address indexed,uint256)", "--address", weth, "--from-block", "0", "--json")
    )
    assert log["transactionHash"] == paid["transactionHash"]
    assert int(log["data"], 16) == 42

    block = json.loads(cast("block", paid["blockNumber"], "--json"))
    assert block["hash"] == paid["blockHash"]
    assert paid["transactionHash"] in block["transactions"]
    assert json.loads(cast("rpc", "optimism_syncStatus", rpc_url=devnet.info["l2"]["rollup"]))["unsafe_l2"]
    assert cast("chain-id") == str(devnet.info["l2"]["chainId"])
    assert int(cast("nonce", owner)) == 5
    assert int(cast("estimate", to, "--value", "1")) == 21_000
    proof = json.loads(cast("proof", weth, "0x0"))
    assert proof["accountProof"]
    assert json.loads(cast("tx", sent["transactionHash"], "--json"))["value"] == hex(15 * 10**17)


def test_cast_reads_a_deposit_and_speaks_to_l1(cast: Any, devnet: RunningDevnet) -> None:
    head = json.loads(cast("block", "1", "--full", "--json"))
    (attributes,) = [tx for tx in head["transactions"] if tx["type"] == "0x7e"]
    assert attributes["to"].lower() == "0x4200000000000000000000000000000000000015"
    assert json.loads(cast("receipt", attributes["hash"], "--json"))["status"] == "0x1"
    version = cast("call", devnet.contract("OptimismPortalProxy"), "version()(string)", rpc_url=devnet.l1_url)
    assert int(version.strip('"').split(".")[0]) >= 3
