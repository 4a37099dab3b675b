"""Runs Ethereum's public test suites: state, transaction, RLP and trie tests, from JSON files and archives of them."""

from evm.statetest.documents import Document, find_documents
from evm.statetest.outcome import Outcome, Verdict
from evm.statetest.suite import Summary, run_document, run_suite

__all__ = ["Document", "Outcome", "Summary", "Verdict", "find_documents", "run_document", "run_suite"]
