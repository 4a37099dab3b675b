"""The genesis state of a rollup: which accounts, which code, which storage."""

import json
from pathlib import Path

import pytest
from eth_utils.crypto import keccak

from config import constants
from config.genesis import Alloc, l2_genesis_alloc
from config.genesis.l2 import EIP1967_ADMIN_SLOT, EIP1967_IMPLEMENTATION_SLOT, implementation_address
from config.types import Address, Hash32
from contracts import load_artifact
from tests.contracts.harness import START_TIME, Chain, Reverted, account
from tests.contracts.two_chains import PREDEPLOYS, genesis_params, place

PROXIED = {name: address for name, address in PREDEPLOYS.items() if name != "WETH"}
INITIALIZED = {
    "L2CrossDomainMessenger": account("L1 messenger"),
    "L2StandardBridge": account("L1 bridge"),
    "L2ERC721Bridge": account("L1 ERC-721 bridge"),
    "OptimismMintableERC20Factory": bytes(constants.L2_STANDARD_BRIDGE),
}
VAULTS = ("SequencerFeeVault", "BaseFeeVault", "L1FeeVault", "OperatorFeeVault")


def word(value: bytes | int) -> Hash32:
    return Hash32(value.to_bytes(32, "big") if isinstance(value, int) else value.rjust(32, b"\x00"))


@pytest.fixture(scope="module")
def alloc() -> Alloc:
    return l2_genesis_alloc(genesis_params())


def test_all_reserved_addresses_but_two_are_proxies_of_the_proxy_admin(alloc: Alloc) -> None:
    proxy_code = load_artifact("Proxy").deployed_bytecode
    first = int.from_bytes(constants.LEGACY_MESSAGE_PASSER, "big")
    proxies = 0
    for index in range(2048):
        address = Address((first + index).to_bytes(20, "big"))
        if address in (constants.WETH, constants.GOVERNANCE_TOKEN):
            continue
        assert alloc[address].code == proxy_code
        assert alloc[address].storage[EIP1967_ADMIN_SLOT] == word(constants.PROXY_ADMIN)
        assert (alloc[address].nonce, alloc[address].balance) == (0, 0)
        proxies += 1
    assert proxies == 2046
    assert Address((first + 2048).to_bytes(20, "big")) not in alloc
    assert constants.GOVERNANCE_TOKEN not in alloc


def test_weth_stands_bare_at_its_address(alloc: Alloc) -> None:
    assert alloc[constants.WETH].code == load_artifact("WETH").deployed_bytecode
    assert alloc[constants.WETH].storage == {}
    assert implementation_address(constants.WETH) not in alloc


@pytest.mark.parametrize("name", PROXIED)
def test_a_predeploys_proxy_points_at_its_code_in_the_code_namespace(alloc: Alloc, name: str) -> None:
    address = PROXIED[name]
    implementation = implementation_address(address)
    assert implementation.hex() == "c0d3" * 9 + address.hex()[-4:]
    assert alloc[address].storage[EIP1967_IMPLEMENTATION_SLOT] == word(implementation)
    code, compiled = alloc[implementation].code, load_artifact(name)
    assert len(code) == len(compiled.deployed_bytecode)
    if not compiled.immutable_references:
        assert code == compiled.deployed_bytecode


def test_nothing_else_is_in_the_code_namespace(alloc: Alloc) -> None:
    found = {address for address in alloc if address.hex().startswith("c0d3" * 9)}
    assert found == {implementation_address(address) for address in PROXIED.values()}


def test_the_storage_at_genesis_is_what_initialize_leaves_behind(alloc: Alloc) -> None:
    """The same contracts, initialised by transactions: every slot of their proxies must be equal."""
    chain = Chain()
    for name, argument in INITIALIZED.items():
        proxy = chain.deploy("Proxy", account("admin"))
        implementation = chain.deploy(name)
        data = implementation.artifact.encode_call("initialize", argument)
        proxy.send("upgradeToAndCall", implementation.address, data, sender=account("admin"))
        expected = alloc[PROXIED[name]].storage
        for slot in [*range(260), *(int.from_bytes(slot, "big") for slot in expected)]:
            if word(slot) in (EIP1967_ADMIN_SLOT, EIP1967_IMPLEMENTATION_SLOT):
                continue
            found = chain.storage(proxy.address, slot)
            assert word(found) == expected.get(word(slot), word(0)), f"{name} slot {slot}"
        bare = alloc[implementation_address(PROXIED[name])].storage
        for slot in range(260):
            assert word(chain.storage(implementation.address, slot)) == bare.get(word(slot), word(0))


def test_immutables_at_genesis_are_those_that_constructors_would_set(alloc: Alloc) -> None:
    chain = Chain()
    params = genesis_params()
    for name, vault in zip(
        VAULTS,
        (params.sequencer_fee_vault, params.base_fee_vault, params.l1_fee_vault, params.operator_fee_vault),
        strict=True,
    ):
        built = chain.deploy(name, vault.recipient, vault.min_withdrawal_amount, int(vault.withdrawal_network))
        assert alloc[implementation_address(PROXIED[name])].code == chain.code(built.address)
    factory = chain.deploy("OptimismMintableERC721Factory", constants.L2_ERC721_BRIDGE, params.l1_chain_id)
    at = implementation_address(PROXIED["OptimismMintableERC721Factory"])
    assert alloc[at].code == chain.code(factory.address)


@pytest.mark.parametrize("name", INITIALIZED)
def test_neither_proxy_nor_implementation_can_be_initialised_again(alloc: Alloc, name: str) -> None:
    chain = Chain()
    place(chain, alloc)
    for address in (PROXIED[name], implementation_address(PROXIED[name])):
        with pytest.raises(Reverted, match="Initializable_AlreadyInitialized"):
            chain.at(name, address).send("initialize", account("thief"), sender=account("thief"))


def test_the_owner_named_at_genesis_upgrades_predeploys_and_nobody_else_does(alloc: Alloc) -> None:
    chain = Chain()
    place(chain, alloc)
    admin = chain.at("ProxyAdmin", constants.PROXY_ADMIN)
    replacement = chain.deploy("WETH98")
    with pytest.raises(Reverted):
        admin.send("upgrade", constants.L1_BLOCK, replacement.address, sender=account("thief"))
    admin.send("upgrade", constants.L1_BLOCK, replacement.address, sender=account("L2 owner"))
    assert admin.call("getProxyImplementation", constants.L1_BLOCK) == replacement.hex
    assert admin.call("getProxyAdmin", constants.L1_BLOCK) == "0x" + constants.PROXY_ADMIN.hex()


def test_l1block_starts_empty(alloc: Alloc) -> None:
    assert set(alloc[constants.L1_BLOCK].storage) == {EIP1967_ADMIN_SLOT, EIP1967_IMPLEMENTATION_SLOT}
    assert set(alloc[constants.L2_TO_L1_MESSAGE_PASSER].storage) == {EIP1967_ADMIN_SLOT, EIP1967_IMPLEMENTATION_SLOT}


@pytest.mark.parametrize(("jovian", "flags"), [(False, 0x010101), (True, 0x01010101)])
def test_fork_flags_are_stored_one_byte_each(jovian: bool, flags: int) -> None:
    alloc = l2_genesis_alloc(genesis_params(jovian=jovian))
    assert alloc[constants.GAS_PRICE_ORACLE].storage[word(0)] == word(flags)


def test_no_storage_word_is_zero(alloc: Alloc) -> None:
    assert all(any(value) for genesis in alloc.values() for value in genesis.storage.values())


def test_system_contracts_and_preinstalls_are_there_with_nonce_1(alloc: Alloc) -> None:
    for address in (
        constants.BEACON_ROOTS_ADDRESS,
        constants.HISTORY_STORAGE_ADDRESS,
        constants.MULTICALL3_ADDRESS,
        constants.CREATE2_DEPLOYER_ADDRESS,
    ):
        assert alloc[address].nonce == 1
        assert alloc[address].code


def test_accounts_are_funded_and_precompiles_when_asked() -> None:
    rich = Address(account("rich"))
    alloc = l2_genesis_alloc(genesis_params(accounts={rich: 5}, fund_precompiles=True))
    assert alloc[rich].balance == 5
    assert alloc[Address(bytes(19) + b"\x01")].balance == alloc[Address(bytes(19) + b"\xff")].balance == 1
    assert Address(bytes(18) + b"\x01\x00") not in alloc
    assert Address(bytes(19) + b"\x01") not in l2_genesis_alloc(genesis_params())


def test_a_contract_cannot_be_a_funded_account() -> None:
    with pytest.raises(ValueError, match="is a contract of the genesis state"):
        l2_genesis_alloc(genesis_params(accounts={constants.WETH: 5}))


def test_both_chains_need_ids_of_their_own() -> None:
    with pytest.raises(ValueError, match="different chain ids"):
        genesis_params(l2_chain_id=900)


def test_further_preinstalls_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "preinstalls.json"
    file.write_text(json.dumps({"0x" + "ab" * 20: "0x6001", constants.MULTICALL3_ADDRESS.hex(): "6002"}))
    with pytest.raises(ValueError, match="another code than the one it already has"):
        l2_genesis_alloc(genesis_params(preinstalls=file))
    file.write_text(json.dumps({"0x" + "ab" * 20: "0x6001"}))
    alloc = l2_genesis_alloc(genesis_params(preinstalls=file))
    assert (alloc[Address(b"\xab" * 20)].code, alloc[Address(b"\xab" * 20)].nonce) == (b"\x60\x01", 1)
    file.write_text(json.dumps({"0x" + "ab" * 20: "0x"}))
    with pytest.raises(ValueError, match="no code"):
        l2_genesis_alloc(genesis_params(preinstalls=file))


def test_multicall_and_create2_deployer_work_at_their_addresses(alloc: Alloc) -> None:
    chain = Chain()
    place(chain, alloc)
    # getCurrentBlockTimestamp()
    answer = chain.call(constants.MULTICALL3_ADDRESS, keccak(text="getCurrentBlockTimestamp()")[:4])
    assert int.from_bytes(answer, "big") == START_TIME
    creation = bytes.fromhex("6160015f526002601ef3")
    chain.send(constants.CREATE2_DEPLOYER_ADDRESS, bytes(32) + creation)
    made = keccak(b"\xff" + constants.CREATE2_DEPLOYER_ADDRESS + bytes(32) + keccak(creation))[12:]
    assert chain.code(made) == bytes.fromhex("6001")
