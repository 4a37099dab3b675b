"""How the node names itself."""

import importlib.metadata
import platform


def client_version() -> str:
    """`lamina/v0.1.0/linux-x86_64/python3.11.7`, as `web3_clientVersion` answers."""
    try:
        version = importlib.metadata.version("lamina")
    except importlib.metadata.PackageNotFoundError:
        version = "0.0.0"
    return f"lamina/v{version}/{platform.system().lower()}-{platform.machine()}/python{platform.python_version()}"
