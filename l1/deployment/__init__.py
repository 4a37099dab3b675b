"""Deploys the chain's contracts on L1: a plan without a network, and its execution by any sender."""

from l1.deployment.addresses import L1Addresses
from l1.deployment.deploy import (
    DeploymentError,
    DeploymentSender,
    SentCall,
    deploy_contracts,
    install_dispute_game,
    run_plan,
)
from l1.deployment.params import FAST_DELAYS, MAINNET_DELAYS, Delays, DeployParams, ProofSettings, ResourceConfig
from l1.deployment.plan import Plan, PlannedCall, create_address, plan_contracts, plan_dispute_game

__all__ = [
    "FAST_DELAYS",
    "MAINNET_DELAYS",
    "Delays",
    "DeployParams",
    "DeploymentError",
    "DeploymentSender",
    "L1Addresses",
    "Plan",
    "PlannedCall",
    "ProofSettings",
    "ResourceConfig",
    "SentCall",
    "create_address",
    "deploy_contracts",
    "install_dispute_game",
    "plan_contracts",
    "plan_dispute_game",
    "run_plan",
]
