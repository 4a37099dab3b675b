"""How the node names itself."""

import importlib.metadata
import platform


def package_version() -> str:
    """The installed version; 0.0.0 in a tree that is not installed."""
    try:
        return importlib.metadata.version("lamina")
    except importlib.metadata.PackageNotFoundError:
        return "0.0.0"


def client_version() -> str:
    """`lamina/v0.1.0/linux-x86_64/python3.11.7`, as `web3_clientVersion` answers."""
    machine = f"{platform.system().lower()}-{platform.machine()}"
    return f"lamina/v{package_version()}/{machine}/python{platform.python_version()}"
