"""The DA server and its client over real sockets: what is stored comes back, and every failure is a sentence."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from batcher.ports import RemoteStoreDown
from config.errors import TemporaryError
from config.rollup import AltDaConfig, RollupConfig
from config.types import Address, Hash32
from derivation.codec import Commitment, CommitmentType
from derivation.providers import NotYetAvailable
from derivation.types import L1BlockRef
from node.alt_da import DaClient, DaServer, InputStore
from node.alt_da.client import DaInputNotFound, da_client
from node.alt_da.commitments import own_commitment
from node.http_listener import HttpListener
from node.rollup.remote_inputs import FetchedInputs
from tests.batcher.chains import rollup_config

PAYLOAD = b"\x00" + bytes(range(256)) * 20


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[DaServer]:
    listener = DaServer(InputStore(tmp_path), CommitmentType.GENERIC, "127.0.0.1", 0)
    await listener.start()
    yield listener
    await listener.stop()


@pytest.fixture
async def client(server: DaServer) -> AsyncIterator[DaClient]:
    opened = DaClient(server.url, CommitmentType.GENERIC)
    yield opened
    await opened.close()


async def test_what_is_stored_comes_back_under_its_commitment(client: DaClient) -> None:
    commitment = await client.store(PAYLOAD)
    assert commitment == own_commitment(PAYLOAD).encode() and commitment[:2] == b"\x01\x4c"
    assert await client.store(PAYLOAD) == commitment, "twice is once"
    assert await client.load(Commitment.decode(commitment)) == PAYLOAD


async def test_keccak_commitments_are_made_by_the_client_and_checked_by_the_server(server: DaServer) -> None:
    client = DaClient(server.url, CommitmentType.KECCAK)
    commitment = await client.store(PAYLOAD)
    assert commitment == Commitment.of(PAYLOAD).encode()
    assert await client.load(Commitment.decode(commitment)) == PAYLOAD
    await client.close()
    async with aiohttp.ClientSession() as session:
        answer = await session.post(f"{server.url}/put/0x{commitment.hex()}", data=b"something else")
        assert answer.status == 400 and "does not stand for" in await answer.text()


async def test_a_payload_as_large_as_a_channel_passes(client: DaClient) -> None:
    large = bytes(8_000_000)
    assert await client.load(Commitment.decode(await client.store(large))) == large


async def test_what_is_not_there_is_told_with_the_remedy(client: DaClient) -> None:
    with pytest.raises(DaInputNotFound, match=r"has nothing for commitment 0x014c.*Ask the chain's operator"):
        await client.load(own_commitment(b"never stored"))


async def test_requests_that_make_no_sense_are_refused(server: DaServer) -> None:
    async with aiohttp.ClientSession() as session:
        for path, status in (("/get/xyz", 400), ("/get/0x05", 400), ("/get/0x" + "00" * 32, 400), ("/other", 404)):
            assert (await session.get(server.url + path)).status == status
        assert (await session.post(f"{server.url}/put", data=b"")).status == 400
        foreign = await session.post(f"{server.url}/put/0x010c55", data=PAYLOAD)
        assert foreign.status == 400 and "another DA layer" in await foreign.text()


async def test_the_commitment_comes_as_bytes_or_for_who_asks_for_text_in_hexadecimal(server: DaServer) -> None:
    expected = own_commitment(PAYLOAD).encode()
    async with aiohttp.ClientSession() as session:
        assert await (await session.post(f"{server.url}/put/", data=PAYLOAD)).read() == expected
        text = await session.post(f"{server.url}/put", data=PAYLOAD, headers={"Accept": "text/plain"})
        assert await text.text() == "0x" + expected.hex()


async def test_a_damaged_file_is_not_served(client: DaClient, tmp_path: Path) -> None:
    commitment = await client.store(PAYLOAD)
    (tmp_path / commitment.hex()).write_bytes(b"damaged")
    with pytest.raises(TemporaryError, match=r"answered 500 .*are damaged"):
        await client.load(Commitment.decode(commitment))


class Stub(HttpListener):
    """A server that answers everything in one way."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__([web.route("*", "/{tail:.*}", self._answer)], "127.0.0.1", 0)
        self._reply = (status, body)

    async def _answer(self, _request: web.Request) -> web.Response:
        return web.Response(status=self._reply[0], body=self._reply[1])


@pytest.fixture
async def stubs() -> AsyncIterator[list[Stub]]:
    running: list[Stub] = []
    yield running
    for stub in running:
        await stub.stop()


async def stub_client(stubs: list[Stub], status: int, body: bytes) -> DaClient:
    stub = Stub(status, body)
    await stub.start()
    stubs.append(stub)
    return DaClient(stub.url, CommitmentType.GENERIC)


@pytest.mark.parametrize(
    ("status", "body", "error", "why"),
    [
        (503, b"layer down", RemoteStoreDown, "out of order .layer down."),
        (500, b"", TemporaryError, "answered 500 .no reason given."),
        (200, b"nonsense", TemporaryError, "no commitment: commitment of unknown type 110"),
        (200, Commitment.of(PAYLOAD).encode(), TemporaryError, "not a generic commitment"),
        (200, own_commitment(b"other").encode(), TemporaryError, "or lies"),
    ],
)
async def test_bad_answers_to_storing_are_told(
    stubs: list[Stub], status: int, body: bytes, error: type[Exception], why: str
) -> None:
    client = await stub_client(stubs, status, body)
    with pytest.raises(error, match=why):
        await client.store(PAYLOAD)
    await client.close()


async def test_another_layers_commitment_is_taken_as_it_comes_in_bytes_and_in_hexadecimal(stubs: list[Stub]) -> None:
    for body in (b"\x01\x0c\x07\x08", b"0x010c0708\n"):
        client = await stub_client(stubs, 200, body)
        assert await client.store(PAYLOAD) == b"\x01\x0c\x07\x08"
        await client.close()


async def test_a_payload_that_does_not_fit_its_commitment_is_not_believed(stubs: list[Stub]) -> None:
    client = await stub_client(stubs, 200, b"something else")
    for commitment in (own_commitment(PAYLOAD), Commitment.of(PAYLOAD)):
        with pytest.raises(TemporaryError, match="does not stand for"):
            await client.load(commitment)
    await client.close()


async def test_a_server_that_is_away_is_named() -> None:
    client = DaClient("http://127.0.0.1:1/key-0123456789abcdef", CommitmentType.GENERIC)
    with pytest.raises(TemporaryError, match=r"the DA server http://127\.0\.0\.1:1/key\*\*\* could not be reached"):
        await client.load(own_commitment(PAYLOAD))
    await client.close()


async def test_derivation_gets_an_input_once_it_was_fetched(client: DaClient) -> None:
    inputs = FetchedInputs(client)
    origin = L1BlockRef(Hash32(b"\x01" * 32), 7, Hash32(bytes(32)), 0)
    commitment = Commitment.decode(await client.store(PAYLOAD))
    with pytest.raises(NotYetAvailable) as caught:
        inputs.remote_input(commitment, origin)
    await inputs.fetch(caught.value.missing)
    assert inputs.remote_input(commitment, origin) == PAYLOAD
    with pytest.raises(NotYetAvailable) as caught:
        inputs.remote_input(own_commitment(b"other"), origin)
    with pytest.raises(TemporaryError, match=r"L1 block 7 holds a commitment: .* has nothing for"):
        await inputs.fetch(caught.value.missing)


def test_the_configuration_says_whether_a_da_server_is_needed() -> None:
    plain = rollup_config()
    assert da_client(plain, None) is None
    with pytest.raises(ValueError, match="keeps its data on L1"):
        da_client(plain, "http://localhost:3100")
    elsewhere = RollupConfig.from_json({**plain.to_json(), "alt_da": {"da_commitment_type": "GenericCommitment"}})
    assert elsewhere.alt_da == AltDaConfig(CommitmentType.GENERIC)
    with pytest.raises(ValueError, match="name a DA server"):
        da_client(elsewhere, None)
    assert isinstance(da_client(elsewhere, "http://localhost:3100"), DaClient)


def test_the_alt_da_part_of_a_rollup_config_is_read_and_written_as_op_node_does() -> None:
    config = AltDaConfig(CommitmentType.KECCAK, Address(b"\x12" * 20), 3600, 3600)
    written = {
        "da_challenge_contract_address": "0x" + "12" * 20,
        "da_commitment_type": "KeccakCommitment",
        "da_challenge_window": 3600,
        "da_resolve_window": 3600,
    }
    assert config.to_json() == written and AltDaConfig.from_json(written) == config
    with pytest.raises(ValueError, match="unknown da_commitment_type 'Other'"):
        AltDaConfig.from_json({"da_commitment_type": "Other"})
