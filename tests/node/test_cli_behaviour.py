"""The command line as scripts see it: exit codes, one line on failure, and where a setting's value comes from."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from config.genesis import dump_genesis
from config.types import Address
from l1.deployment.addresses import L1Addresses
from node.cli.keys import private_key
from node.cli.l1_flags import l1_options
from node.cli.main import command_tree
from node.cli.settings_names import key_of, options
from node.devnet.accounts import role_accounts, user_accounts
from node.devnet.deploy import deploy_params, funded
from node.devnet.genesis import make_l2_start
from node.devnet.settings import DevnetSettings
from tests.conftest import ROOT
from tests.node.rpc_world import dev_genesis, open_chain


def lamina(
    *arguments: str | Path, cwd: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A run of the command in its own process."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LAMINA_")}
    return subprocess.run(
        [sys.executable, "-m", "node.cli.main", *map(str, arguments)],
        cwd=cwd,
        env={**clean, "PYTHONPATH": str(ROOT), **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def dumped(*arguments: str | Path, cwd: Path, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The settings that `dumpconfig node` shows."""
    done = lamina(*arguments, "dumpconfig", "node", cwd=cwd, environment=environment)
    assert done.returncode == 0, done.stderr
    settings: dict[str, Any] = tomllib.loads(done.stdout)["node"]
    return settings


def test_the_version_is_json_where_asked_and_works_from_any_directory(tmp_path: Path) -> None:
    done = lamina("version", "--json", cwd=tmp_path)
    assert done.returncode == 0
    versions = json.loads(done.stdout)
    assert {"lamina", "py-evm", "python"} <= set(versions)
    assert done.stderr == ""


def test_a_failing_command_says_one_line_and_exits_with_one(tmp_path: Path) -> None:
    arguments = ("init", "--genesis", "genesis.json", "--rollup.config", "rollup.json", "--datadir", "data")
    done = lamina(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("lamina: rollup.json")
    with_trace = lamina("--debug", *arguments, cwd=tmp_path)
    assert with_trace.returncode == 1
    assert "Traceback" in with_trace.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("nosuch",), "No such command 'nosuch'"),
        (("node", "--nope"), "No such option: --nope"),
        (("node",), "Missing option '--rollup.config'"),
        (("--log.level", "loud", "version"), "unknown log level 'loud'"),
        (("--log.format", "xml", "version"), "unknown log format 'xml'"),
        (("--config", "absent.toml", "version"), "absent.toml cannot be used"),
        (("devnet", "--profile", "slow"), "--profile fast or mainnet"),
        (("devnet", "--l1.fork", "shangri-la"), "--l1.fork is prague or osaka"),
        (("devnet", "--fault-program", "absent.elf"), "there is no file absent.elf"),
        (("devnet", "--altda", "--fault-program", "lamina.elf"), "--altda goes with"),
        (("devnet", "--l1", "http://127.0.0.1:1"), "--l1 URL needs --l1.beacon URL"),
        (("devnet", "--http.port", "65536"), "'--http.port'"),
        (("devnet", "--block-time", "0"), "'--block-time'"),
        (("devnet", "--l1.slot-time", "-2"), "'--l1.slot-time'"),
        (("devnet", "--accounts", "0"), "'--accounts'"),
        (("devnet", "--proposal-interval", "0"), "'--proposal-interval'"),
        (("batcher", "--budget", "-1"), "'--budget'"),
        (
            (
                *("node", "--rollup.config", "rollup.json", "--datadir", "data", "--l1", "http://l1"),
                *("--l1.beacon", "http://beacon", "--rollup.feed", "http://sequencer"),
            ),
            "--rollup.feed is the URL of a WebSocket (ws:// or wss://), not 'http://sequencer'",
        ),
        (("dumpconfig", "nosuch"), "no command 'nosuch'; there are"),
        (("dumpconfig", "evm"), "'evm' has commands of its own"),
    ],
)
def test_a_misused_command_says_how_and_exits_with_two(
    tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    done = lamina(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


_NODE = ("node", "--rollup.config", "rollup.json", "--datadir", "data")
_L1 = ("--l1", "http://localhost:1", "--l1.beacon", "http://localhost:2")


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (
            (),
            "--l1 and --l1.beacon must be given, for a node that derives its chain from L1; one that a consensus client",
        ),
        (("--l1", "http://localhost:1"), "--l1.beacon must be given"),
        ((*_L1, "--authrpc.port", "8551"), "--l1, --l1.beacon cannot go with --authrpc flags"),
        (("--authrpc.jwtsecret", "jwt", "--sequencer.enabled"), "--sequencer.enabled cannot go with --authrpc flags"),
        (("--authrpc.addr", "::1", "--altda.da-server", "http://x"), "--altda.da-server cannot go with"),
    ],
)
def test_a_node_derives_or_is_driven_and_not_both(tmp_path: Path, flags: tuple[str, ...], complaint: str) -> None:
    done = lamina(*_NODE, *flags, cwd=tmp_path)
    assert done.returncode == 2 and complaint in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "settings"),
    [
        (_L1, ""),
        (_L1, "authrpc.port = 8551\nauthrpc.addr = '127.0.0.1'\n"),
        (("--authrpc.port", "8551"), ""),
        ((), "authrpc.jwtsecret = 'jwt'\nsequencer.enabled = false\n"),
        ((), "authrpc.port = 9999\nrollup.sequencerhttp = 'http://x'\n"),
    ],
)
def test_settings_that_only_repeat_defaults_choose_no_kind_of_node(
    tmp_path: Path, flags: tuple[str, ...], settings: str
) -> None:
    (tmp_path / "lamina.toml").write_text(f"[node]\n{settings}")
    done = lamina("--config", "lamina.toml", *_NODE, *flags, cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("lamina: rollup.json"), (
        "the file that it looks at next is not there"
    )


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    (tmp_path / "lamina.toml").write_text("[node]\nhttp_port = 7001\nmetrics.port = 7002\nsequencer_enabled = true\n")
    file = ("--config", "lamina.toml")
    assert dumped(cwd=tmp_path)["http_port"] == 8545
    from_file = dumped(*file, cwd=tmp_path)
    assert (from_file["http_port"], from_file["metrics_port"], from_file["sequencer_enabled"]) == (7001, 7002, True)
    environment = {"LAMINA_NODE_HTTP_PORT": "7003"}
    assert dumped(cwd=tmp_path, environment=environment)["http_port"] == 7003
    assert dumped(*file, cwd=tmp_path, environment=environment)["http_port"] == 7003
    # A flag over all of them: the log level, which can be seen in what is accepted.
    done = lamina("--log.level", "loud", "version", cwd=tmp_path, environment={"LAMINA_LOG_LEVEL": "info"})
    assert done.returncode == 2
    done = lamina("--log.level", "info", "version", cwd=tmp_path, environment={"LAMINA_LOG_LEVEL": "loud"})
    assert done.returncode == 0


def test_the_settings_file_may_come_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "lamina.toml").write_text("[node]\ncache = 77\n")
    assert dumped(cwd=tmp_path, environment={"LAMINA_CONFIG": "lamina.toml"})["cache"] == 77


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[node]\nhttp_prot = 1\n", "[node] has http_prot, but the command has no such flag"),
        ("[nodes]\nhttp_port = 1\n", "there is no command nodes"),
        ("node = 3\n", "node must be a table of settings, not a value"),
        ("[node\n", "cannot be used"),
    ],
)
def test_a_settings_file_with_a_mistake_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "lamina.toml").write_text(text)
    done = lamina("--config", "lamina.toml", "version", cwd=tmp_path)
    assert done.returncode == 2
    assert complaint in done.stderr


def test_what_dumpconfig_prints_can_be_given_back(tmp_path: Path) -> None:
    environment = {"LAMINA_NODE_HTTP_PORT": "7003", "LAMINA_NODE_L1_BEACON": "http://a http://b"}
    done = lamina("dumpconfig", "node", cwd=tmp_path, environment=environment)
    (tmp_path / "dumped.toml").write_text(done.stdout)
    again = lamina("--config", "dumped.toml", "dumpconfig", "node", cwd=tmp_path)
    assert again.stdout == done.stdout
    assert 'l1_beacon = ["http://a", "http://b"]' in done.stdout
    assert "# rollup_config = (required)" in done.stdout


def test_several_endpoints_may_be_a_list_or_one_value(tmp_path: Path) -> None:
    (tmp_path / "lamina.toml").write_text('[node]\nl1 = "http://a"\nl1_beacon = ["http://b", "http://c"]\n')
    settings = dumped("--config", "lamina.toml", cwd=tmp_path)
    assert (settings["l1"], settings["l1_beacon"]) == (["http://a"], ["http://b", "http://c"])
    options = l1_options(
        ["http://a,https://b/x,y", "http://c"],
        ["http://d"],
        None,
        blob_directory=None,
        quorum=None,
        timeout=1,
        rate_limit=0,
        batch_size=1,
        concurrency=1,
        archive_megabytes=0,
    )
    assert options.execution == ("http://a", "https://b/x,y", "http://c")
    assert options.beacon == ("http://d",) and options.archive_bytes is None


def test_private_keys_are_never_printed(tmp_path: Path) -> None:
    secret = "0x" + "5e" * 32
    for name in ("LAMINA_BATCHER_KEY", "LAMINA_BATCHER_PRIVATE_KEY"):
        done = lamina("dumpconfig", "batcher", cwd=tmp_path, environment={name: secret})
        assert "# private_key = (set, not shown)" in done.stdout
        assert secret[2:] not in done.stdout + done.stderr
    # Where the file with a password is asked for, somebody may give the password.
    done = lamina("dumpconfig", "batcher", cwd=tmp_path, environment={"LAMINA_BATCHER_PASSWORD": secret})
    assert "# password = (set, not shown)" in done.stdout
    assert secret[2:] not in done.stdout + done.stderr
    urls = ("--l1-eth-rpc", "http://x", "--l2-eth-rpc", "http://x", "--rollup-rpc", "http://x")
    done = lamina("batcher", "--private-key", "0x5e5e", "--rollup.config", "x.json", *urls, cwd=tmp_path)
    assert done.returncode == 1
    assert "5e5e" not in done.stderr


def commands() -> list[tuple[str, Any]]:
    """Every command that runs something, subcommands included, with its full name."""
    found: list[tuple[str, Any]] = []

    def walk(name: str, command: Any) -> None:
        for inner_name, inner in getattr(command, "commands", {}).items():
            walk(f"{name} {inner_name}", inner)
        if not hasattr(command, "commands"):
            found.append((name, command))

    walk("lamina", command_tree())
    return found


def test_every_command_and_flag_is_explained_and_every_command_has_an_example() -> None:
    unexplained, without_example = [], []
    for name, command in commands():
        unexplained += [f"{name} {option.opts[0]}" for option in options(command) if not option.help]
        if "Example" not in (command.help or ""):
            without_example.append(name)
    assert unexplained == []
    assert without_example == []


def test_no_two_flags_of_a_command_share_a_key() -> None:
    for name, command in commands():
        keys = [key_of(option) for option in options(command)]
        assert len(keys) == len(set(keys)), name


def test_a_chain_is_initialised_once_and_only_with_its_own_files(tmp_path: Path) -> None:
    settings = DevnetSettings(tmp_path)
    roles, users = role_accounts(), user_accounts(2)
    params = deploy_params(settings, roles)
    addresses = L1Addresses(
        **{item.name: Address(bytes([7, index + 1]) * 10) for index, item in enumerate(fields(L1Addresses))}
    )
    start = make_l2_start(
        900,
        open_chain(dev_genesis()).head,
        addresses,
        params,
        block_time=2,
        sequencing_window=100,
        accounts=funded(users, roles),
    )
    dump_genesis(start.genesis, tmp_path / "genesis.json")
    start.rollup.save(tmp_path / "rollup.json")
    arguments = ("init", "--genesis", "genesis.json", "--rollup.config", "rollup.json", "--datadir", "data")
    first, second = lamina(*arguments, cwd=tmp_path), lamina(*arguments, cwd=tmp_path)
    assert first.stdout.startswith("wrote genesis 0x")
    assert second.stdout.startswith("found genesis 0x")
    assert first.returncode == second.returncode == 0
    document = json.loads((tmp_path / "genesis.json").read_text())
    (tmp_path / "genesis.json").write_text(json.dumps({**document, "timestamp": "0x5"}))
    other = lamina(*arguments, cwd=tmp_path)
    assert other.returncode == 1
    assert "the two files belong to different chains" in other.stderr


def test_a_key_that_is_missing_or_given_twice_is_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("0x" + "11" * 32)
    assert private_key(None, file) == private_key(" 0x" + "11" * 32, None) == b"\x11" * 32
    with pytest.raises(ValueError, match="give the account's key with --private-key"):
        private_key(None, None)
    with pytest.raises(ValueError, match="is given twice"):
        private_key("0x" + "11" * 32, file)
    with pytest.raises(ValueError, match=r"--l1\.funding-key does not hold a private key") as caught:
        private_key("0x1234", None, flag="--l1.funding-key")
    assert "1234" not in str(caught.value)


def test_a_file_that_is_not_there_is_named_without_an_error_number(tmp_path: Path) -> None:
    done = lamina("vm", "run", "absent.elf", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "lamina: absent.elf cannot be used: No such file or directory\n")
