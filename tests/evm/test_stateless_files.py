"""Both forms of files that hold a block with its witness."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from config.forks import Fork
from config.rollup import RollupConfig
from evm.engine.stateless import Witness, execute_stateless
from evm.engine.stateless_file import load_stateless_case, stateless_case
from evm.trie import MissingTrieNode
from evm.types import Hash32, Header, from_hex, keccak256, to_hex
from evm.types.json_codec import header_to_json
from tests.evm.engine_kit import BOB_KEY, CONTRACT, Bench, Funded, deposit, l2, rollup, transaction

STORES_SEVEN = bytes.fromhex("60075f5500")


def block_after(bench: Bench) -> tuple[Header, tuple[bytes, ...]]:
    """A block with a deposit and a transfer, on the bench's head."""
    builder = bench.start()
    builder.add(deposit(to=CONTRACT))
    builder.add(transaction(BOB_KEY))
    executed = builder.seal()
    return executed.block.header, tuple(item.raw for item in executed.block.transactions)


def witness_of(bench: Bench) -> dict[str, str]:
    return {to_hex(key[2:]): to_hex(value) for key, value in bench.kv.scan(b"s")}


def older_form(fork: Fork = Fork.ECOTONE) -> dict[str, Any]:
    """A file without rules: headers as RLP, transactions as they are."""
    bench = l2({CONTRACT: Funded(code=STORES_SEVEN)}, fork)
    parent = bench.head
    header, transactions = block_after(bench)
    return {
        "parent_header": to_hex(parent.raw),
        "expected_header": to_hex(header.raw),
        "transactions": [to_hex(raw) for raw in transactions],
        "witness": witness_of(bench),
    }


def with_rules(data: Mapping[str, Any], fork: Fork) -> dict[str, Any]:
    return {**data, "rollup_config": rollup(fork).to_json()}


@pytest.mark.parametrize("fork", [Fork.REGOLITH, Fork.CANYON, Fork.ECOTONE, Fork.FJORD, Fork.HOLOCENE, Fork.ISTHMUS])
def test_a_block_in_the_older_form_comes_to_its_expected_header_on_every_fork(fork: Fork) -> None:
    data = with_rules(older_form(fork), fork)
    case = stateless_case(data)
    assert execute_stateless(case).block.header == Header.decode(from_hex(data["expected_header"]))
    assert case.number == 1


def test_keys_may_come_without_0x_and_the_witness_as_a_plain_list() -> None:
    data = with_rules(older_form(), Fork.ECOTONE)
    bare = {key[2:]: value for key, value in data["witness"].items()}
    listed = list(data["witness"].values())
    for witness in (bare, listed):
        case = stateless_case({**data, "witness": witness})
        assert execute_stateless(case).block.hash == case.expected_hash


def test_headers_may_be_json_in_either_form() -> None:
    data = with_rules(older_form(), Fork.ECOTONE)
    parent = Header.decode(from_hex(data["parent_header"]))
    case = stateless_case({**data, "parent_header": header_to_json(parent)})
    assert case.parent == parent


def test_the_chain_is_named_by_the_reader_then_the_file_then_the_first_signed_transaction() -> None:
    data = older_form()
    with pytest.raises(ValueError, match="the rules of chain 901 are not built in"):
        stateless_case(data)
    assert stateless_case({**data, "chain_id": 10}).rollup.l2_chain_id == 10
    assert stateless_case({**data, "chain_id": 10}, chain_id=130).rollup.l2_chain_id == 130
    assert stateless_case(with_rules(data, Fork.ECOTONE), chain_id=10).rollup == rollup(Fork.ECOTONE)


def test_without_any_name_for_the_chain_the_reader_is_told_to_give_one() -> None:
    data = older_form()
    with pytest.raises(ValueError, match="name the chain"):
        stateless_case({**data, "transactions": data["transactions"][:1]})


def test_a_node_that_the_witness_lacks_is_named() -> None:
    data = with_rules(older_form(), Fork.ECOTONE)
    root = Header.decode(from_hex(data["parent_header"])).state_root
    del data["witness"][to_hex(root)]
    with pytest.raises(MissingTrieNode, match=root.hex()[:8]):
        execute_stateless(stateless_case(data))


def test_a_file_may_be_gzipped_and_says_what_it_lacks(tmp_path: Path) -> None:
    data = with_rules(older_form(), Fork.ECOTONE)
    packed = tmp_path / "block.json.gz"
    packed.write_bytes(gzip.compress(json.dumps(data).encode()))
    assert load_stateless_case(packed).expected_hash == Header.decode(from_hex(data["expected_header"])).hash
    del data["transactions"]
    plain = tmp_path / "block.json"
    plain.write_text(json.dumps(data))
    with pytest.raises(ValueError, match=r"block\.json: the field 'transactions' is missing"):
        load_stateless_case(plain)


def test_a_witness_value_that_is_no_header_is_refused_when_asked_for_as_one() -> None:
    value = b"\x01\x02"

    witness = Witness({Hash32(keccak256(value)): value})
    with pytest.raises(ValueError, match="is no header"):
        witness.header_by_hash(keccak256(value))
    assert witness.header_by_hash(Hash32(bytes(32))) is None


def test_the_rules_of_a_file_survive_their_own_spelling() -> None:
    assert RollupConfig.from_json(rollup(Fork.JOVIAN).to_json()) == rollup(Fork.JOVIAN)
