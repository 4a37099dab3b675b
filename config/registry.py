"""The chains that are known without a file: rollup configs of public OP Stack chains, by chain id.

Each file in `config/data/registry` holds the facts of one chain of the superchain registry in the form of op-node's
`rollup.json`, with where they are from and the SHA-256 of that source.
"""

import functools
import json
from pathlib import Path
from typing import Any

from config.rollup import RollupConfig

REGISTRY_DIR = Path(__file__).parent / "data" / "registry"


def builtin_chain_ids() -> tuple[int, ...]:
    """Chain ids of the chains that `builtin_rollup_config` knows, in ascending order."""
    return tuple(sorted(int(path.stem) for path in REGISTRY_DIR.glob("*.json")))


def builtin_document(chain_id: int) -> dict[str, Any]:
    """`{"name", "source", "source_sha256", "rollup"}` of a chain. Raises ValueError naming the chains there are."""
    path = REGISTRY_DIR / f"{chain_id}.json"
    if not path.is_file():
        known = ", ".join(map(str, builtin_chain_ids()))
        raise ValueError(f"the rules of chain {chain_id} are not built in; there are those of {known}")
    document: dict[str, Any] = json.loads(path.read_text())
    return document


@functools.cache
def builtin_rollup_config(chain_id: int) -> RollupConfig:
    """The rollup config of a public chain. Raises ValueError naming the chains there are."""
    return RollupConfig.from_json(builtin_document(chain_id)["rollup"])
