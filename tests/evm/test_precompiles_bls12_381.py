"""The BLS12-381 precompiles on the numbers published with EIP-2537, at its final addresses and prices."""

import pytest

from config.forks import EthFork
from config.types import ZERO_HASH, Address
from evm.engine import BlockEnvironment, EvmState
from evm.engine.message import MessageOutcome, run_message
from evm.forks import fork_rules
from tests.evm.engine_kit import ALICE, BOB, l2

ENOUGH = 1_000_000
FIELD = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
G1 = bytes.fromhex(
    "0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aef"
    "fb3af00adb22c6bb0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3ed"
    "d03cc744a2888ae40caa232946c5e7e1"
)
TWICE_G1 = bytes.fromhex(
    "000000000000000000000000000000000572cbea904d67468808c8eb50a9450c9721db309128012543902d0ac358a62ae28f75bb8f1c7c42"
    "c39a8c5529bf0f4e00000000000000000000000000000000166a9d8cabc673a322fda673779d8e3822ba3ecb8670e461f73bb9021d5fd76a"
    "4c56d9d4cd16bd1bba86881979749d28"
)
MAP_TO_G1_INPUT = bytes.fromhex(
    "00000000000000000000000000000000147e1ed29f06e4c5079b9d14fc89d2820d32419b990c1c7bb7dbea2a36a045124b31ffbde7c99329"
    "c05c559af1c6cc82"
)
MAP_TO_G1_OUTPUT = bytes.fromhex(
    "00000000000000000000000000000000009769f3ab59bfd551d53a5f846b9984c59b97d6842b20a2c565baa167945e3d026a3755b6345df8"
    "ec7e6acb6868ae6d000000000000000000000000000000001532c00cf61aa3d0ce3e5aa20c3b531a2abd2c770a790a2613818303c6b830ff"
    "c0ecf6c357af3317b9575c567f11cd2c"
)
MAP_TO_G2_INPUT = bytes.fromhex(
    "0000000000000000000000000000000007355d25caf6e7f2f0cb2812ca0e513bd026ed09dda65b177500fa31714e09ea0ded3a078b526bed"
    "3307f804d4b93b040000000000000000000000000000000002829ce3c021339ccb5caf3e187f6370e1e2a311dec9b75363117063ab201560"
    "3ff52c3d3b98f19c2f65575e99e8b78c"
)
MAP_TO_G2_OUTPUT = bytes.fromhex(
    "0000000000000000000000000000000000e7f4568a82b4b7dc1f14c6aaa055edf51502319c723c4dc2688c7fe5944c213f51032808239651"
    "5734b6612c4e7bb700000000000000000000000000000000126b855e9e69b1f691f816e48ac6977664d24d99f8724868a184186469ddfd46"
    "17367e94527d4b74fc86413483afb35b000000000000000000000000000000000caead0fd7b6176c01436833c79d305c78be307da5f6af6c"
    "133c47311def6ff1e0babf57a0fb5539fce7ee12407b0a42000000000000000000000000000000001498aadcf7ae2b345243e281ae076df6"
    "de84455d766ab6fcdaad71fab60abb2e8b980a440043cd305db09d283c895e3d"
)
"""A point of G2, of the group's order, as mapping makes them."""


def run(low: int, data: bytes) -> MessageOutcome:
    fork = fork_rules(EthFork.PRAGUE)
    environment = BlockEnvironment(901, 1, 1, BOB, 30_000_000, 7, ZERO_HASH)
    state = EvmState(l2().reader(), environment, fork.precompiles)
    target = Address(bytes(19) + bytes((low,)))
    return run_message(state, fork, origin=ALICE, sender=ALICE, to=target, value=0, data=data, gas=ENOUGH, gas_price=0)


def negative(point: bytes) -> bytes:
    """The other point of G1 with this x."""
    return point[:64] + (FIELD - int.from_bytes(point[64:], "big")).to_bytes(64, "big")


@pytest.mark.parametrize(
    ("low", "data", "output", "gas"),
    [
        (0x0B, G1 + G1, TWICE_G1, 375),
        (0x0C, G1 + (2).to_bytes(32, "big"), TWICE_G1, 12_000),
        (0x0C, G1 + bytes(32), bytes(128), 12_000),
        (0x0C, (G1 + (1).to_bytes(32, "big")) * 2, TWICE_G1, 22_776),
        (0x0D, MAP_TO_G2_OUTPUT + bytes(256), MAP_TO_G2_OUTPUT, 600),
        (0x0E, MAP_TO_G2_OUTPUT + (1).to_bytes(32, "big"), MAP_TO_G2_OUTPUT, 22_500),
        (0x0F, G1 + MAP_TO_G2_OUTPUT + negative(G1) + MAP_TO_G2_OUTPUT, (1).to_bytes(32, "big"), 102_900),
        (0x0F, G1 + MAP_TO_G2_OUTPUT, bytes(32), 70_300),
        (0x10, MAP_TO_G1_INPUT, MAP_TO_G1_OUTPUT, 5_500),
        (0x11, MAP_TO_G2_INPUT, MAP_TO_G2_OUTPUT, 23_800),
    ],
)
def test_results_and_prices_are_as_published(low: int, data: bytes, output: bytes, gas: int) -> None:
    outcome = run(low, data)
    assert outcome.output == output
    assert ENOUGH - outcome.gas_left == gas


@pytest.mark.parametrize("low", range(0x0B, 0x12))
def test_inputs_of_a_wrong_length_or_off_the_curve_fail(low: int) -> None:
    assert not run(low, b"").succeeded
    assert not run(low, b"\x01" * 511).succeeded
    assert not run(low, b"\xff" * 384).succeeded
