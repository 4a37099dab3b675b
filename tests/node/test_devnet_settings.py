"""What follows from a devnet's settings."""

from dataclasses import replace
from pathlib import Path

from batcher.settings import ThrottleSettings
from config.constants import MAX_BLOB_DATA_BYTES
from config.forks import EthFork
from config.types import to_hex
from node.devnet.accounts import role_accounts
from node.devnet.command import Devnet
from node.devnet.settings import DevnetSettings, Profile
from node.p2p.peer_id import peer_id
from node.p2p.settings import KEY_FILE, network_key
from tests.e2e.parts import FREE_PORTS

USUAL = DevnetSettings(Path("devnet"))


def test_a_block_may_hold_what_l1_takes_at_its_target_of_blobs() -> None:
    assert USUAL.data_per_block == 6 * MAX_BLOB_DATA_BYTES * 2 // 4
    assert replace(USUAL, block_time=1, l1_slot_seconds=12).data_per_block == 6 * MAX_BLOB_DATA_BYTES // 12
    assert replace(USUAL, l1_fork=EthFork.CANCUN).data_per_block == 3 * MAX_BLOB_DATA_BYTES * 2 // 4
    assert replace(USUAL, l1_fork=EthFork.OSAKA).data_per_block == 10 * MAX_BLOB_DATA_BYTES * 2 // 4


def test_with_very_long_slots_it_is_still_a_limit_that_the_batcher_takes() -> None:
    limit = replace(USUAL, block_time=1, l1_slot_seconds=1200).data_per_block
    assert limit == ThrottleSettings(block_size_upper_limit=limit).block_size_lower_limit


def test_bytes_on_a_devnets_l1_cost_less_than_processor_time_but_for_one_like_mainnet() -> None:
    assert USUAL.compression == "brotli-9"
    assert USUAL.with_profile(Profile.MAINNET).compression == "brotli-10"


def test_with_the_delays_of_mainnet_it_is_op_batchers_default() -> None:
    limit = USUAL.with_profile(Profile.MAINNET).data_per_block
    assert abs(limit - ThrottleSettings().block_size_upper_limit) < 100


def test_with_a_p2p_port_the_sequencer_gossips_there_and_the_verifier_is_its_peer(tmp_path: Path) -> None:
    devnet = Devnet(replace(USUAL, datadir=tmp_path, p2p_port=9222, ports=FREE_PORTS))
    roles = {role.name: role.arguments for role in devnet._chain_roles()}
    identity = peer_id(network_key(devnet.files.sequencer_dir / KEY_FILE))
    assert devnet.p2p_address == f"/ip4/127.0.0.1/tcp/9222/p2p/{identity}"
    assert roles["sequencer"][-4:] == ["--p2p.listen.ip", "127.0.0.1", "--p2p.listen.tcp", "9222"]
    assert roles["verifier"][-2:] == ["--p2p.static", devnet.p2p_address]
    without = Devnet(replace(USUAL, ports=FREE_PORTS))
    assert not any("--p2p.listen" in argument for role in without._chain_roles() for argument in role.arguments)


def test_the_sequencer_has_the_signers_key_alone_and_the_verifier_only_derives_unless_it_is_told_to_follow() -> None:
    for follows in (False, True):
        devnet = Devnet(replace(USUAL, verifier_follows=follows, ports=FREE_PORTS))
        roles = {role.name: role for role in devnet._chain_roles()}
        key = to_hex(role_accounts().sequencer.private_key)
        assert roles["sequencer"].environment == {"LAMINA_NODE_P2P_SEQUENCER_KEY": key}
        assert not roles["verifier"].environment
        assert all(key not in argument for role in roles.values() for argument in role.arguments)
        assert ("--rollup.feed" in roles["verifier"].arguments) == follows
