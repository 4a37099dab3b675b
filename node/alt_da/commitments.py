"""The generic commitments of this project's DA server, which anybody can check.

Spec: op alt-da, "Input Commitment Submission".
"""

from derivation.codec import Commitment, CommitmentType
from evm.types import keccak256

OWN_LAYER = 0x4C
"""The DA layer byte: behind it comes the payload's keccak256."""


def own_commitment(payload: bytes) -> Commitment:
    """The generic commitment to a payload."""
    return Commitment(CommitmentType.GENERIC, bytes((OWN_LAYER,)) + keccak256(payload))


def fits(commitment: Commitment, payload: bytes) -> bool:
    """Whether a payload is what was committed to, as far as can be told: other layers' commitments count as fitting."""
    if commitment.type is CommitmentType.GENERIC and commitment.content[0] == OWN_LAYER:
        return commitment == own_commitment(payload)
    return commitment.fits(payload)


def can_be_checked(commitment: Commitment) -> bool:
    """Whether `fits` tells right from wrong for it."""
    return commitment.type is CommitmentType.KECCAK or commitment.content[0] == OWN_LAYER
