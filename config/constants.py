"""Addresses and numbers that the protocol fixes. Each is defined once, here, under the name the specs use."""

from config.types import Address, Hash32

# --- L2 predeploys (spec: op protocol, "Predeploys") ---


def _predeploy(low: int) -> Address:
    return Address(bytes.fromhex("42") + bytes(17) + low.to_bytes(2, "big"))


PREDEPLOY_COUNT = 2048
"""Addresses 0x4200..0000 to 0x4200..07ff are reserved; all but two are proxies."""

LEGACY_MESSAGE_PASSER = _predeploy(0x00)
DEPLOYER_WHITELIST = _predeploy(0x02)
WETH = _predeploy(0x06)
L2_CROSS_DOMAIN_MESSENGER = _predeploy(0x07)
GAS_PRICE_ORACLE = _predeploy(0x0F)
L2_STANDARD_BRIDGE = _predeploy(0x10)
SEQUENCER_FEE_VAULT = _predeploy(0x11)
OPTIMISM_MINTABLE_ERC20_FACTORY = _predeploy(0x12)
L1_BLOCK_NUMBER = _predeploy(0x13)
L2_ERC721_BRIDGE = _predeploy(0x14)
L1_BLOCK = _predeploy(0x15)
L2_TO_L1_MESSAGE_PASSER = _predeploy(0x16)
OPTIMISM_MINTABLE_ERC721_FACTORY = _predeploy(0x17)
PROXY_ADMIN = _predeploy(0x18)
BASE_FEE_VAULT = _predeploy(0x19)
L1_FEE_VAULT = _predeploy(0x1A)
OPERATOR_FEE_VAULT = _predeploy(0x1B)
GOVERNANCE_TOKEN = _predeploy(0x42)

L1_ATTRIBUTES_DEPOSITOR = Address(bytes.fromhex("deaddeaddeaddeaddeaddeaddeaddeaddead0001"))
"""Sender of the first transaction of each L2 block."""

# --- system contracts of Ethereum itself ---

BEACON_ROOTS_ADDRESS = Address(bytes.fromhex("000f3df6d732807ef1319fb7b8bb8522d0beac02"))
HISTORY_STORAGE_ADDRESS = Address(bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935"))
WITHDRAWAL_REQUEST_ADDRESS = Address(bytes.fromhex("00000961ef480eb55e80d19ad83579a64c007002"))
CONSOLIDATION_REQUEST_ADDRESS = Address(bytes.fromhex("0000bbddc7ce488642fb579f8b00f3a590007251"))
SYSTEM_ADDRESS = Address(bytes.fromhex("fffffffffffffffffffffffffffffffffffffffe"))
"""Caller of the beacon roots, block hash history and request contracts."""

MULTICALL3_ADDRESS = Address(bytes.fromhex("ca11bde05977b3631167028862be2a173976ca11"))
CREATE2_DEPLOYER_ADDRESS = Address(bytes.fromhex("4e59b44847b379578588920ca78fbf26c0b4956c"))

# --- hashes of empty things ---

EMPTY_KECCAK = Hash32(bytes.fromhex("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"))
EMPTY_TRIE_ROOT = Hash32(bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"))
EMPTY_UNCLES_HASH = Hash32(bytes.fromhex("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"))
EMPTY_REQUESTS_HASH = Hash32(bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"))
"""sha256 of nothing: the requests hash of a block without execution layer requests (EIP-7685)."""

# --- L1 events that derivation reads (keccak256 of the event signatures) ---

DEPOSIT_EVENT_TOPIC = Hash32(bytes.fromhex("b3813568d9991fc951961fcb4c784893574240a28925604d09fc577c55bb7c32"))
"""TransactionDeposited(address,address,uint256,bytes)"""
CONFIG_UPDATE_EVENT_TOPIC = Hash32(bytes.fromhex("1d2b0bda21d56b8bd12d4f94ebacffdfb35f5e226f84b461103bb8beab6353be"))
"""ConfigUpdate(uint256,uint8,bytes)"""

ADDRESS_ALIAS_OFFSET = 0x1111000000000000000000000000000000001111
"""Added to the address of an L1 contract that deposits (spec: op deposits, "Address Aliasing")."""

# --- batch data (spec: op derivation) ---

DERIVATION_VERSION_0 = 0
DERIVATION_VERSION_1 = 1
FRAME_OVERHEAD = 200
"""Bytes counted per frame on top of its data, to bound memory by the number of frames too."""
MAX_FRAME_DATA_LENGTH = 1_000_000
MAX_CHANNEL_BANK_SIZE_BEDROCK = 100_000_000
MAX_CHANNEL_BANK_SIZE_FJORD = 1_000_000_000
MAX_RLP_BYTES_PER_CHANNEL_BEDROCK = 10_000_000
MAX_RLP_BYTES_PER_CHANNEL_FJORD = 100_000_000
MAX_SPAN_BATCH_ELEMENT_COUNT = 10_000_000
MAX_SEQUENCER_DRIFT_FJORD = 1800
CHANNEL_TIMEOUT_BEDROCK = 300
CHANNEL_TIMEOUT_GRANITE = 50

BLOB_BYTES = 131_072
FIELD_ELEMENTS_PER_BLOB = 4096
MAX_BLOB_DATA_BYTES = (4 * 31 + 3) * 1024 - 4
"""Usable bytes of a blob: 130,044 (spec: op derivation, "Blob Encoding")."""
GAS_PER_BLOB = 131_072

TRANSACTION_GAS_CAP = 16_777_216
"""The most gas a transaction may ask for since Osaka (EIP-7825)."""

REGOLITH_SYSTEM_TRANSACTION_GAS = 1_000_000
"""Gas limit of the L1 attributes deposit since Regolith."""
DEPOSIT_TRANSACTION_TYPE = 0x7E
MINIMUM_BASE_FEE_UPDATE_DENOMINATOR = 8
