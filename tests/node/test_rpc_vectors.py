"""The public request/response pairs of ethereum/execution-apis, replayed against a served chain."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from node.rpc.standard import NodeOptions
from tests.node.rpc_world import MemorySidecars, ServedChain, make_pool, serve, vector_chain

EXPECTED_FILES = 95


def exchanges(vectors: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """(file, request line, expected answer) of all files."""
    found = []
    for path in sorted((vectors / "rpc").glob("*/*.io")):
        request = ""
        for line in path.read_text().splitlines():
            if line.startswith(">>"):
                request = line[2:].strip()
            elif line.startswith("<<"):
                found.append((f"{path.parent.name}/{path.name}", request, json.loads(line[2:])))
    return found


async def ask(session: aiohttp.ClientSession, served: ServedChain, body: str) -> Any:
    async with session.post(served.server.url, data=body, headers={"Content-Type": "application/json"}) as response:
        return await response.json()


async def test_every_recorded_answer_is_given_again_except_for_error_texts(vectors: Path) -> None:
    chain = vector_chain(vectors)
    sidecars = MemorySidecars()
    pool = make_pool(chain, sidecars=sidecars)
    options = NodeOptions(client_version="lamina/test", datadir=Path("data"), sidecars=sidecars)
    different = []
    recorded = exchanges(vectors)
    async with serve(chain, pool, options) as served, aiohttp.ClientSession() as session:
        for name, request, expected in recorded:
            answer = await ask(session, served, request)
            text = ""
            for side in (expected, answer):
                if "error" in side:
                    text = side["error"].pop("message")
                    assert text
            if answer != expected:
                different.append(f"{name}\n  expected {expected}\n  answered {answer} {text}")
    assert not different, "\n".join(different)
    assert len({name for name, _, _ in recorded}) == EXPECTED_FILES


@pytest.mark.parametrize("folder", ["eth_getBlockByNumber", "eth_getTransactionReceipt"])
async def test_a_batch_gives_the_same_answers_in_order(vectors: Path, folder: str) -> None:
    chain = vector_chain(vectors)
    recorded = [item for item in exchanges(vectors) if item[0].startswith(folder + "/")]
    batch = [json.loads(request) | {"id": index} for index, (_, request, _) in enumerate(recorded)]
    async with serve(chain) as served, aiohttp.ClientSession() as session:
        answers = await ask(session, served, json.dumps(batch))
    assert [answer["id"] for answer in answers] == list(range(len(recorded)))
    assert [answer["result"] for answer in answers] == [expected["result"] for _, _, expected in recorded]
