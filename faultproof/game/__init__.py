"""The dispute game without any chain: positions, the tree of claims, the honest strategy, and how a tree resolves.

Pure: no input, no output, no clock but arguments. Doors: `Position`, `Claim`, `GameTree`, `Trace`, `SplitTrace`,
`honest_actions`, `Resolution`.
"""

from faultproof.game.claims import Claim, GameTree
from faultproof.game.clock import Clock, GameTimes
from faultproof.game.position import ROOT_POSITION, Position
from faultproof.game.resolution import Resolution, resolve
from faultproof.game.solver import Action, Move, Step, honest_actions
from faultproof.game.trace import (
    BlobElement,
    DisputedOutputs,
    ExecutionTrace,
    OutputTrace,
    PrecompileCall,
    PreimageNeed,
    SplitTrace,
    StepWitness,
    Trace,
)

__all__ = [
    "ROOT_POSITION",
    "Action",
    "BlobElement",
    "Claim",
    "Clock",
    "DisputedOutputs",
    "ExecutionTrace",
    "GameTimes",
    "GameTree",
    "Move",
    "OutputTrace",
    "Position",
    "PrecompileCall",
    "PreimageNeed",
    "Resolution",
    "SplitTrace",
    "Step",
    "StepWitness",
    "Trace",
    "honest_actions",
    "resolve",
]
