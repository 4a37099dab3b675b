"""Blocks that the native engine has made are executed again by py-evm, behind the head and in a process of its own."""

from node.recheck.service import Recheck

__all__ = ["Recheck"]
