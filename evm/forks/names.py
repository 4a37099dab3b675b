"""Ethereum's forks by the names that geth's tools and Ethereum's test suites use."""

from collections.abc import Mapping
from dataclasses import dataclass

from config.forks import EthFork


@dataclass(frozen=True)
class NamedFork:
    """A fork's rules, and by how many blocks the rise of the difficulty is put off."""

    rules: EthFork
    bomb_delay: int = 0


_BYZANTIUM = NamedFork(EthFork.BYZANTIUM, 3_000_000)
_PETERSBURG = NamedFork(EthFork.PETERSBURG, 5_000_000)
_TANGERINE_WHISTLE = NamedFork(EthFork.TANGERINE_WHISTLE)
_SPURIOUS_DRAGON = NamedFork(EthFork.SPURIOUS_DRAGON)
_PARIS = NamedFork(EthFork.PARIS)

FORKS_BY_NAME: Mapping[str, NamedFork] = {
    "Frontier": NamedFork(EthFork.FRONTIER),
    "Homestead": NamedFork(EthFork.HOMESTEAD),
    "EIP150": _TANGERINE_WHISTLE,
    "TangerineWhistle": _TANGERINE_WHISTLE,
    "EIP158": _SPURIOUS_DRAGON,
    "SpuriousDragon": _SPURIOUS_DRAGON,
    "Byzantium": _BYZANTIUM,
    "Constantinople": NamedFork(EthFork.CONSTANTINOPLE, 5_000_000),
    "ConstantinopleFix": _PETERSBURG,
    "Petersburg": _PETERSBURG,
    "Istanbul": NamedFork(EthFork.ISTANBUL, 5_000_000),
    "MuirGlacier": NamedFork(EthFork.ISTANBUL, 9_000_000),
    "Berlin": NamedFork(EthFork.BERLIN, 9_000_000),
    "London": NamedFork(EthFork.LONDON, 9_700_000),
    "ArrowGlacier": NamedFork(EthFork.LONDON, 10_700_000),
    "GrayGlacier": NamedFork(EthFork.LONDON, 11_400_000),
    "Merge": _PARIS,
    "Paris": _PARIS,
    "Shanghai": NamedFork(EthFork.SHANGHAI),
    "Cancun": NamedFork(EthFork.CANCUN),
    "Prague": NamedFork(EthFork.PRAGUE),
    "Osaka": NamedFork(EthFork.OSAKA),
}
"""Delays by EIP-649, EIP-1234, EIP-2384, EIP-3554, EIP-4345 and EIP-5133."""
