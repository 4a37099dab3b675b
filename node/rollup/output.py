"""Output roots of L2 blocks, as the node serves them."""

from config.constants import EMPTY_TRIE_ROOT, L2_TO_L1_MESSAGE_PASSER
from config.forks import Fork
from config.types import Hash32
from evm.rules import L2Rules
from evm.types import Header
from node.chain import Chain
from proposer.output_root import output_root_v0


def message_passer_root(header: Header, chain: Chain) -> Hash32:
    """The storage root of L2ToL1MessagePasser: in the header since Isthmus, in the state before.

    Raises StatePruned when it takes a state that is not kept.
    """
    rules = chain.rules
    if isinstance(rules, L2Rules) and rules.rollup.is_active(Fork.ISTHMUS, header.timestamp):
        return header.withdrawals_root or EMPTY_TRIE_ROOT
    account = chain.require_state(header).account(L2_TO_L1_MESSAGE_PASSER)
    return EMPTY_TRIE_ROOT if account is None else account.storage_root


def output_root(header: Header, chain: Chain) -> Hash32:
    """The output root of a block. Raises StatePruned as `message_passer_root`.

    Spec: op proposals, "L2 Output Commitment Construction".
    """
    return output_root_v0(header.state_root, message_passer_root(header, chain), header.hash)
