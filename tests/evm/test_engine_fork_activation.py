"""What forks change by themselves in their first block, and receipts roots of real blocks before and after Canyon."""

from dataclasses import replace

import pytest

from config.forks import Fork, ForkSchedule
from config.genesis.canonical_code import CANYON_CREATE2_DEPLOYER, canonical_code
from config.types import Timestamp
from evm.rules import L2Rules
from evm.trie import ordered_root
from evm.types import Address, Hash32, Log, Receipt
from tests.evm.engine_kit import ALICE, ETHER, Bench, Funded, deposit, l2, rollup

DEPLOYER = Address(bytes.fromhex("13b0d85ccb8bf860b6b79af3029fca081ae9bef2"))
DEPLOYER_CODE_HASH = bytes.fromhex("b0550b5b431e30d38000efb7107aaa0ade03d48a7198a140edda9d27134468b2")
TRANSFER = Log(
    Address(bytes.fromhex("9c76c6304885661cdb97f3984b13114b6d4b5248")),
    tuple(
        Hash32(bytes.fromhex(topic))
        for topic in (
            "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
            "00000000000000000000000070ce2d9bb8502e302b9cbe5c56a5d0f1067da713",
            "000000000000000000000000717c7f9822e8c2ae6a64773f7a92727755a7e2fc",
        )
    ),
    bytes.fromhex("00000000000000000000000000000000000000000000003635c9adc5dea00000"),
)


def canyon_at(time: int) -> Bench:
    """A chain on Regolith rules that reaches Canyon at `time`; blocks are two seconds apart."""
    times = {Fork.REGOLITH: Timestamp(0), Fork.CANYON: Timestamp(time)}
    return Bench(L2Rules(replace(rollup(), forks=ForkSchedule(times))), {ALICE: Funded(ETHER)})


def test_the_first_canyon_block_gets_the_create2_deployer_and_blocks_around_it_do_not() -> None:
    bench = canyon_at(4)
    found = []
    for _ in range(3):
        bench.accept(bench.start().seal())
        account = bench.reader().account(DEPLOYER)
        found.append(account and (account.code_hash, account.nonce, account.balance))
    assert found == [None, (DEPLOYER_CODE_HASH, 0, 0), (DEPLOYER_CODE_HASH, 0, 0)]
    assert bench.reader().code_at(DEPLOYER) == canonical_code(CANYON_CREATE2_DEPLOYER).code


def test_a_fork_time_between_two_blocks_activates_at_the_later_one() -> None:
    bench = canyon_at(3)
    bench.accept(bench.start().seal())
    assert bench.reader().account(DEPLOYER) is None
    bench.accept(bench.start().seal())
    assert bench.reader().code_at(DEPLOYER)


@pytest.mark.parametrize("fork", [Fork.REGOLITH, Fork.CANYON, Fork.ISTHMUS])
def test_a_chain_without_a_canyon_block_of_its_own_never_gets_the_deployer(fork: Fork) -> None:
    bench = l2(fork=fork)
    bench.accept(bench.start().seal())
    assert bench.reader().account(DEPLOYER) is None


def deposited(gas: int, nonce: int) -> Receipt:
    return Receipt(0x7E, 1, gas, (), deposit_nonce=nonce)


@pytest.mark.parametrize(
    ("receipts", "root"),
    [
        ([deposited(0xF9F5, 0xD2DF2)], "3c715dd96d2597ccd46fde046da5e4b13e0a5b7d0a2ff60c3ee6c92fee9600ea"),
        ([deposited(0xCCFD, 0x86147)], "dbf9def3e8d930433596aa91b3ad3279652031ca45b1a3ca92785703f84aa6b0"),
        ([deposited(0xC545, 0xAA547)], "0e7c255df3e2b7ca4d55b82047531f7f3e7437ab1eb33e22eca70653c874982d"),
        (
            [deposited(0xCCFD, 0xCC49C), Receipt(2, 1, 0x18336, (TRANSFER,))],
            "11e432ab48d8ffcb3278758a25fb2e10ba1267feae336da97a0f7bc861c74bbe",
        ),
    ],
    ids=["863731", "549192", "697672", "836765"],
)
def test_blocks_of_manta_sepolia_before_canyon_have_receipts_roots_without_deposit_nonces(
    receipts: list[Receipt], root: str
) -> None:
    assert ordered_root([receipt.encode_for_root() for receipt in receipts]).hex() == root


@pytest.mark.parametrize(("fork", "has_nonce"), [(Fork.BEDROCK, False), (Fork.REGOLITH, False), (Fork.CANYON, True)])
def test_the_receipts_root_commits_to_the_deposit_nonce_since_canyon(fork: Fork, has_nonce: bool) -> None:
    bench = l2({ALICE: Funded(ETHER, nonce=7)}, fork)
    builder = bench.start()
    receipt = builder.add(deposit())
    bare = replace(receipt, deposit_nonce=None, deposit_receipt_version=None)
    executed = builder.seal()
    assert executed.block.header.receipts_root == ordered_root([(receipt if has_nonce else bare).encode()])
