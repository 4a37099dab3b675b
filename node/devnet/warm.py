"""Imported by the fork server that a devnet's roles come from: loads what all of them need, once.

Importing takes each role about two seconds of processor time, the KZG setup its worker three; forked, they take none.
No module here may start a thread when it is imported.
"""

# ruff: noqa: F401

import gc

import batcher.service
import faultproof.challenger.service
import node.batcher_rpc
import node.challenger_rpc
import node.devl1.service
import node.metrics
import node.proposer_rpc
import node.recheck.worker
import node.rollup.service
import node.rpc
import proposer.service
from l1.kzg_core import trusted_setup

trusted_setup()
gc.collect()
gc.freeze()  # The collector of a forked process leaves alone, and so shared, what was loaded here.
