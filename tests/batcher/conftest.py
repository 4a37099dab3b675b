"""Fixtures that the L1 client's tests have as well."""

from tests.l1.conftest import start_anvil

__all__ = ["start_anvil"]
