"""Slots and selectors that nodes, proofs and clients rely on: OP's, written out."""

import pytest

from contracts import artifact_names, load_artifact
from tests.contracts.two_chains import PREDEPLOYS

MESSENGER = {
    "_initialized": (0, 20),
    "_initializing": (0, 21),
    "successfulMessages": (203, 0),
    "xDomainMsgSender": (204, 0),
    "msgNonce": (205, 0),
    "failedMessages": (206, 0),
    "otherMessenger": (207, 0),
}
BRIDGE = {
    "_initialized": (0, 0),
    "_initializing": (0, 1),
    "deposits": (2, 0),
    "messenger": (3, 0),
    "otherBridge": (4, 0),
}
ERC721_BRIDGE = {"_initialized": (0, 0), "_initializing": (0, 1), "messenger": (1, 0), "otherBridge": (2, 0)}

LAYOUTS: dict[str, dict[str, tuple[int, int]]] = {
    "L1Block": {
        "number": (0, 0),
        "timestamp": (0, 8),
        "basefee": (1, 0),
        "hash": (2, 0),
        "sequenceNumber": (3, 0),
        "blobBaseFeeScalar": (3, 8),
        "baseFeeScalar": (3, 12),
        "batcherHash": (4, 0),
        "l1FeeOverhead": (5, 0),
        "l1FeeScalar": (6, 0),
        "blobBaseFee": (7, 0),
        "operatorFeeConstant": (8, 0),
        "operatorFeeScalar": (8, 8),
        "daFootprintGasScalar": (8, 12),
    },
    "L2ToL1MessagePasser": {"sentMessages": (0, 0), "msgNonce": (1, 0)},
    "GasPriceOracle": {"isEcotone": (0, 0), "isFjord": (0, 1), "isIsthmus": (0, 2), "isJovian": (0, 3)},
    "L2CrossDomainMessenger": MESSENGER,
    "L1CrossDomainMessenger": {**MESSENGER, "portal": (252, 0), "systemConfig": (254, 0)},
    "L2StandardBridge": BRIDGE,
    "L1StandardBridge": {**BRIDGE, "systemConfig": (52, 0)},
    "L2ERC721Bridge": ERC721_BRIDGE,
    "L1ERC721Bridge": {**ERC721_BRIDGE, "deposits": (49, 0), "systemConfig": (51, 0)},
    "OptimismMintableERC20Factory": {
        "_initialized": (0, 0),
        "_initializing": (0, 1),
        "bridge": (1, 0),
        "deployments": (2, 0),
    },
    "OptimismMintableERC721Factory": {"isOptimismMintableERC721": (0, 0)},
    "OptimismMintableERC20": {
        "_balances": (0, 0),
        "_allowances": (1, 0),
        "_totalSupply": (2, 0),
        "_name": (3, 0),
        "_symbol": (4, 0),
        "_nonces": (5, 0),
    },
    "WETH": {"_balanceOf": (0, 0), "_allowance": (1, 0)},
    "SequencerFeeVault": {"totalProcessed": (0, 0)},
    "BaseFeeVault": {"totalProcessed": (0, 0)},
    "L1FeeVault": {"totalProcessed": (0, 0)},
    "OperatorFeeVault": {"totalProcessed": (0, 0)},
    "LegacyMessagePasser": {"sentMessages": (0, 0)},
    "DeployerWhitelist": {"owner": (0, 0), "whitelist": (1, 0)},
}

SELECTORS = {
    ("L2ToL1MessagePasser", "initiateWithdrawal"): "c2b3e5ac",
    ("L2ToL1MessagePasser", "messageNonce"): "ecc70428",
    ("L2ToL1MessagePasser", "sentMessages"): "82e3702d",
    ("GasPriceOracle", "getL1Fee"): "49948e0e",
    ("GasPriceOracle", "getL1GasUsed"): "de26c4a1",
    ("GasPriceOracle", "l1BaseFee"): "519b4bd3",
    ("GasPriceOracle", "isJovian"): "105d0b81",
    ("GasPriceOracle", "getOperatorFee"): "275aedd2",
    ("L1Block", "operatorFeeScalar"): "4d5d9a2a",
    ("L1Block", "operatorFeeConstant"): "16d3bc7f",
    ("L2CrossDomainMessenger", "relayMessage"): "d764ad0b",
    ("L2CrossDomainMessenger", "sendMessage"): "3dbb202b",
    ("L2CrossDomainMessenger", "xDomainMessageSender"): "6e296e45",
    ("L2StandardBridge", "withdraw"): "32b7006d",
    ("L2StandardBridge", "finalizeBridgeERC20"): "0166a07a",
    ("L2StandardBridge", "finalizeBridgeETH"): "1635f5fd",
    ("L1StandardBridge", "depositETHTo"): "9a2ac6d5",
    ("L1StandardBridge", "depositERC20To"): "838b2520",
}

EVENTS = {
    ("L2ToL1MessagePasser", "MessagePassed"): "02a52367d10742d8032712c1bb8e0144ff1ec5ffda1ed7d70bb05a2744955054",
    ("L2CrossDomainMessenger", "SentMessage"): "cb0f7ffd78f9aee47a248fae8db181db6eee833039123e026dcbff529522e52a",
    ("L2CrossDomainMessenger", "RelayedMessage"): "4641df4a962071e12719d8c8c8e5ac7fc4d97b927346a3d7a335b1f7517e133c",
    ("L2StandardBridge", "DepositFinalized"): "b0444523268717a02698be47d0803aa7468c00acbed2f8bd93a0459cde61dd89",
    ("L2StandardBridge", "WithdrawalInitiated"): "73d170910aba9e6d50b102db522b1dbcd796216f5128b445aa2135272886497e",
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_state_variables_lie_where_op_has_them(name: str) -> None:
    found = {
        variable.label: (variable.slot, variable.offset)
        for variable in load_artifact(name).storage_layout
        if not variable.label.startswith(("spacer_", "__gap"))
    }
    assert found == LAYOUTS[name]


@pytest.mark.parametrize(("contract", "function"), SELECTORS)
def test_functions_have_the_selectors_that_clients_call(contract: str, function: str) -> None:
    assert load_artifact(contract).selector(function).hex() == SELECTORS[contract, function]


@pytest.mark.parametrize(("contract", "event"), EVENTS)
def test_events_have_the_topics_that_clients_look_for(contract: str, event: str) -> None:
    assert load_artifact(contract).event_topic(event).hex() == EVENTS[contract, event]


@pytest.mark.parametrize("name", sorted(set(LAYOUTS) | set(PREDEPLOYS)))
def test_every_contract_tells_its_version_and_fits_into_an_account(name: str) -> None:
    artifact = load_artifact(name)
    assert len(artifact.deployed_bytecode) <= 24_576
    if name != "ProxyAdmin":
        assert artifact.selector("version").hex() == "54fd4d50"
    assert name in artifact_names()
