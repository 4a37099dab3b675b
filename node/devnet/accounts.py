"""The devnet's keys: derived from the mnemonic that every Ethereum development tool uses. Worthless on real chains."""

from dataclasses import dataclass

from config.types import Address
from evm.types.signature import address_of

MNEMONIC = "test test test test test test test test test test test junk"
_ROLE_BASE = 1000
"""Roles use indexes from here on, so that user accounts are the well-known first ones."""


@dataclass(frozen=True)
class DevAccount:
    """An account with its 32-byte key."""

    private_key: bytes

    @property
    def address(self) -> Address:
        """The account's address."""
        return address_of(self.private_key)


@dataclass(frozen=True)
class DevRoles:
    """Who does what on a devnet. `owner` owns SystemConfig and the upgrade timelock."""

    deployer: DevAccount
    owner: DevAccount
    batcher: DevAccount
    proposer: DevAccount
    challenger: DevAccount
    sequencer: DevAccount

    def all(self) -> tuple[DevAccount, ...]:
        """Every role's account."""
        return (self.deployer, self.owner, self.batcher, self.proposer, self.challenger, self.sequencer)


def _accounts(first: int, count: int) -> list[DevAccount]:
    from eth_account.hdaccount import key_from_seed, seed_from_mnemonic

    seed = seed_from_mnemonic(MNEMONIC, "")
    return [DevAccount(key_from_seed(seed, f"m/44'/60'/0'/0/{index}")) for index in range(first, first + count)]


def user_accounts(count: int) -> list[DevAccount]:
    """The first `count` accounts of the mnemonic."""
    return _accounts(0, count)


def role_accounts() -> DevRoles:
    """The accounts of the roles."""
    return DevRoles(*_accounts(_ROLE_BASE, 6))
