"""Key files: geth's form, passwords, and that nothing secret is seen by anyone but the file's owner."""

import json
import re
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.types import Address, to_hex
from evm.types.signature import address_of
from node.cli.keys import private_key
from node.keystore import KeyDirectory, KeystoreError, open_key, seal_key
from node.keystore.directory import change_password
from node.keystore.sealed_key import LIGHT, ScryptCost
from tests.node.data_directories import lamina, lamina_json, write_rollup
from tests.node.rollup_world import RollupWorld

# The test vectors of the "Web3 secret storage definition".
VECTOR_KEY = bytes.fromhex("7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d")
VECTOR_PASSWORD = "testpassword"
VECTORS = {
    "scrypt": {
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
            "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
            "kdf": "scrypt",
            "kdfparams": {
                "dklen": 32,
                "n": 262144,
                "p": 8,
                "r": 1,
                "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
            },
            "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
        },
        "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
        "version": 3,
    },
    "pbkdf2": {
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
            "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
            "kdf": "pbkdf2",
            "kdfparams": {
                "c": 262144,
                "dklen": 32,
                "prf": "hmac-sha256",
                "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
            },
            "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
        },
        "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
        "version": 3,
    },
}
QUICK = ScryptCost(4, 1)
KEY = bytes(31) + b"\x07"
NOON = 1_458_651_475.5


@pytest.mark.parametrize("kind", VECTORS)
def test_key_files_of_other_clients_open(kind: str) -> None:
    text = json.dumps(VECTORS[kind])
    assert open_key(text, VECTOR_PASSWORD, "the file") == VECTOR_KEY


@given(st.integers(1, 1 << 255), st.text(max_size=30))
@settings(max_examples=8)
def test_a_sealed_key_opens_with_its_password_here_and_in_the_library_of_others(number: int, password: str) -> None:
    from eth_account import Account

    key = number.to_bytes(32, "big")
    text = seal_key(key, password, QUICK)
    assert key.hex() not in text
    assert open_key(text, password, "the file") == key == bytes(Account.decrypt(text, password))
    with pytest.raises(KeystoreError, match=r"^the password does not open the file$"):
        open_key(text, password + "x", "the file")


def test_the_form_is_that_of_geth(tmp_path: Path) -> None:
    made = KeyDirectory(tmp_path / "keystore").add(KEY, "pw", NOON, LIGHT)
    assert made.path.name == f"UTC--2016-03-22T12-57-55.500000000Z--{address_of(KEY).hex()}"
    document = json.loads(made.path.read_text())
    assert set(document) == {"address", "crypto", "id", "version"}
    assert document["address"] == address_of(KEY).hex()
    assert {name: document["crypto"]["kdfparams"][name] for name in ("n", "r", "p", "dklen")} == {
        "n": 4096,
        "r": 8,
        "p": 6,
        "dklen": 32,
    }
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in made.path.parent.iterdir()] == [made.path.name]


def damaged() -> dict[str, str]:
    """Texts that are no usable key file."""
    whole = json.loads(seal_key(KEY, "pw", QUICK))
    crypto = whole["crypto"]
    return {
        "no JSON": "{",
        "no object": "[]",
        "version 1": json.dumps({**whole, "version": 1}),
        "no crypto": json.dumps({"version": 3}),
        "unknown kdf": json.dumps({**whole, "crypto": {**crypto, "kdf": "argon2"}}),
        "no salt": json.dumps({**whole, "crypto": {**crypto, "kdfparams": {"n": 4, "r": 8, "p": 1, "dklen": 32}}}),
        "absurd cost": json.dumps({**whole, "crypto": {**crypto, "kdfparams": {**crypto["kdfparams"], "n": 3}}}),
        "not hex": json.dumps({**whole, "crypto": {**crypto, "mac": "zz"}}),
        "another address": json.dumps({**whole, "address": "11" * 20}),
    }


@pytest.mark.parametrize("what", damaged())
def test_a_damaged_file_is_named_and_nothing_secret_is_said(what: str) -> None:
    with pytest.raises(KeystoreError, match="the file") as caught:
        open_key(damaged()[what], "secret-word", "the file")
    assert "secret-word" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.dictionaries(st.text(max_size=5), st.recursive(st.text(max_size=5) | st.integers(), st.lists, max_leaves=3)))
@settings(max_examples=50)
def test_garbage_never_gets_further_than_a_sentence(garbage: dict[str, object]) -> None:
    for document in ({**garbage, "version": 3}, {"version": 3, "crypto": garbage}, garbage):
        with pytest.raises(KeystoreError, match="the file"):
            open_key(json.dumps(document), "pw", "the file")


def test_accounts_are_listed_in_order_and_strangers_are_named(tmp_path: Path) -> None:
    directory = KeyDirectory(tmp_path)
    first = directory.add(KEY, "pw", NOON, QUICK)
    second = directory.add(bytes(31) + b"\x08", "pw", NOON + 1, QUICK)
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / ".hidden").write_text("")
    found, wrong = directory.accounts()
    assert found == [first, second]
    assert len(wrong) == 1 and "notes.txt" in wrong[0]
    with pytest.raises(KeystoreError, match="already"):
        directory.add(KEY, "other", NOON + 2, QUICK)
    assert directory.find(second.address) == second
    with pytest.raises(KeystoreError, match="no key of 0x1111"):
        directory.find(Address(b"\x11" * 20))


def test_a_changed_password_replaces_the_old_one_only_when_that_was_right(tmp_path: Path) -> None:
    made = KeyDirectory(tmp_path).add(KEY, "old", NOON, QUICK)
    before = made.path.read_text()
    with pytest.raises(KeystoreError, match="does not open"):
        change_password(made.path, "wrong", "new", QUICK)
    assert made.path.read_text() == before
    change_password(made.path, "old", "new", QUICK)
    assert open_key(made.path.read_text(), "new", "it") == KEY
    with pytest.raises(KeystoreError):
        open_key(made.path.read_text(), "old", "it")


# --- the commands ---


@pytest.fixture
def passwords(tmp_path: Path) -> dict[str, Path]:
    files = {name: tmp_path / f"{name}.txt" for name in ("first", "second")}
    for name, file in files.items():
        file.write_text(f"{name} word\r\nnot this line\n")
    return files


def test_the_life_of_an_account_on_the_command_line(tmp_path: Path, passwords: dict[str, Path]) -> None:
    data = ("--datadir", tmp_path / "data")
    made = lamina_json("account", "new", *data, "--password", passwords["first"])
    assert json.loads(Path(made["file"]).read_text())["crypto"]["kdfparams"]["n"] == 262144
    assert lamina_json("account", "list", *data) == [made]
    lamina(
        *("account", "update", made["address"], *data, "--lightkdf"),
        *("--password", passwords["first"], "--new-password", passwords["second"]),
    )
    seen = lamina_json("account", "inspect", made["file"], "--password", passwords["second"], "--private")
    assert seen["address"] == made["address"]
    key = private_key(None, None, Path(made["file"]), passwords["second"])
    assert to_hex(key) == seen["privateKey"]
    assert "rivate" not in lamina("account", "inspect", made["file"], "--password", passwords["second"])
    with pytest.raises(ValueError, match="does not open"):
        lamina("account", "inspect", made["file"], "--password", passwords["first"])


def test_a_key_in_hex_is_taken_in(tmp_path: Path, passwords: dict[str, Path]) -> None:
    (tmp_path / "key").write_text(KEY.hex() + "\n")
    line = lamina(
        *("account", "import", tmp_path / "key", "--keystore", tmp_path / "keys", "--lightkdf"),
        *("--password", passwords["first"]),
    )
    address, file = re.split(r"\s+", line.strip())
    assert address.lower() == to_hex(address_of(KEY))
    assert private_key(None, None, Path(file), passwords["first"]) == KEY
    (tmp_path / "bad").write_text("0x5e5e5e")
    with pytest.raises(ValueError, match="bad does not hold a private key") as caught:
        lamina("account", "import", tmp_path / "bad", "--keystore", tmp_path / "keys", "--password", passwords["first"])
    assert "5e5e" not in str(caught.value)


def test_a_password_is_not_repeated_where_a_file_was_expected(tmp_path: Path) -> None:
    made = KeyDirectory(tmp_path).add(KEY, "hunter2", NOON, QUICK)
    with pytest.raises(ValueError, match="the file that --password names cannot be read") as caught:
        private_key(None, None, made.path, Path("hunter2"))
    assert "hunter2" not in str(caught.value)


def test_without_terminal_or_file_there_is_no_password(tmp_path: Path) -> None:
    made = KeyDirectory(tmp_path).add(KEY, "pw", NOON, QUICK)
    with pytest.raises(ValueError, match=r"no terminal to ask for the password of UTC--.*--password FILE"):
        private_key(None, None, made.path, None)


def test_one_way_of_giving_the_key_is_asked_for(tmp_path: Path) -> None:
    made = KeyDirectory(tmp_path).add(KEY, "pw", NOON, QUICK)
    for text, file, keystore in ((None, None, None), ("0x" + KEY.hex(), None, made.path), (None, made.path, made.path)):
        with pytest.raises(ValueError, match=r"give the account.s key with --private-key|is given twice"):
            private_key(text, file, keystore, None)
    with pytest.raises(ValueError, match="--password belongs to --keystore"):
        private_key("0x" + KEY.hex(), None, None, made.path)
    with pytest.raises(ValueError, match="is a directory: give the file of one account"):
        private_key(None, None, tmp_path, None)


@pytest.mark.parametrize("role", ["batcher", "proposer"])
def test_a_role_takes_its_key_from_a_key_file(role: str, tmp_path: Path, passwords: dict[str, Path]) -> None:
    made = KeyDirectory(tmp_path / "keys").add(KEY, "another word", NOON, QUICK)
    rollup = write_rollup(RollupWorld().rollup, tmp_path)
    places = ["--l1-eth-rpc", "http://127.0.0.1:1", "--rollup-rpc", "http://127.0.0.1:1"]
    places += (
        ["--l2-eth-rpc", "http://127.0.0.1:1"] if role == "batcher" else ["--game-factory-address", "0x" + "11" * 20]
    )
    key = ("--keystore", made.path, "--password", passwords["first"])
    with pytest.raises(ValueError, match=f"the password does not open .*{made.path.name}"):
        lamina(role, "--rollup.config", rollup, *places, *key)
