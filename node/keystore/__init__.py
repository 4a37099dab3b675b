"""Accounts' keys on disk, sealed with passwords, in the form that geth and other clients use."""

from node.keystore.directory import AccountFile, KeyDirectory
from node.keystore.sealed_key import KeystoreError, open_key, seal_key

__all__ = ["AccountFile", "KeyDirectory", "KeystoreError", "open_key", "seal_key"]
