"""Who may use the Engine API: the secret's file, tokens, and the server that asks for them."""

import base64
import hmac
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, WSServerHandshakeError
from hypothesis import given
from hypothesis import strategies as st

from config.errors import CriticalError
from node.engine_api.jwt import TokenCheck, shared_secret
from node.rpc import Dispatcher, RpcServer, ServerOptions
from tests.node.engine_world import EngineWorld

SECRET = bytes(range(32))
NOW = 1_700_000_000.0


def encoded(value: Any) -> str:
    """JSON, or bytes, in base64url without padding."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(claims: Any, secret: bytes = SECRET, header: Any = None) -> str:
    """A signed token, as consensus clients make them."""
    signed = f"{encoded(header or {'alg': 'HS256', 'typ': 'JWT'})}.{encoded(claims)}"
    return f"{signed}.{encoded(hmac.digest(secret, signed.encode(), 'sha256'))}"


def why(authorization: str | None, now: float = NOW) -> str | None:
    """What the check says."""
    return TokenCheck(SECRET, lambda: now)(authorization)


@pytest.mark.parametrize("away", [-60, -59.5, 0, 30, 60])
def test_a_token_issued_within_a_minute_is_good(away: float) -> None:
    assert why(f"Bearer {token({'iat': NOW + away, 'id': 'op-node', 'clv': 'v1'})}") is None
    assert why(f"bearer {token({'iat': int(NOW), 'exp': NOW + 1})}") is None


def test_the_token_that_everybody_shows_as_an_example_is_good_in_its_time() -> None:
    # jwt.io's.
    known = (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ."
        "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
    )
    assert TokenCheck(b"your-256-bit-secret", lambda: 1_516_239_022.0)(f"Bearer {known}") is None


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (None, "missing token"),
        ("", "malformed"),
        ("Bearer", "malformed"),
        ("Bearer a.b", "malformed"),
        ("Basic " + token({"iat": NOW}), "malformed"),
        ("Bearer " + token({"iat": NOW})[:-4], "signature is wrong"),
        ("Bearer " + token({"iat": NOW}, bytes(32)), "signature is wrong"),
        ("Bearer " + token({"iat": NOW}, header={"alg": "none"}), "'none'"),
        ("Bearer " + token({"iat": NOW}, header={"alg": "HS512"}), "'HS512'"),
        ("Bearer " + token({"iat": NOW}, header={"typ": "JWT"}), "only HS256"),
        ("Bearer " + token({"iat": NOW - 61}), "61 s ago"),
        ("Bearer " + token({"iat": NOW + 61}), "61 s in the future"),
        ("Bearer " + token({}), "lacks its time of issue"),
        ("Bearer " + token({"iat": "now"}), "lacks its time of issue"),
        ("Bearer " + token({"iat": True}), "lacks its time of issue"),
        ("Bearer " + token({"iat": NOW, "exp": NOW}), "expired"),
        ("Bearer " + token({"iat": NOW, "exp": "never"}), "expired"),
        ("Bearer " + token([NOW]), "no JSON object"),
        ("Bearer " + token(b"\xff"), "not JSON"),
        ("Bearer €.€.€", "not JSON"),
    ],
)
def test_any_other_token_is_refused_with_the_reason(authorization: str | None, reason: str) -> None:
    assert reason in (why(authorization) or "")


def test_the_signature_is_of_header_and_claims() -> None:
    header, claims, signature = token({"iat": NOW}).split(".")
    other = encoded({"iat": NOW, "id": "x"})
    assert why(f"Bearer {header}.{claims}.{signature}") is None
    assert "signature is wrong" in (why(f"Bearer {header}.{other}.{signature}") or "")


@given(
    st.one_of(st.text(), st.text().map("Bearer {}".format), st.binary().map(lambda raw: f"Bearer {encoded(raw)}.e30."))
)
def test_garbage_is_never_good_and_never_an_error(authorization: str) -> None:
    assert why(authorization) is not None


# --- the secret ---


def test_a_secret_that_is_not_there_is_made_for_its_owner_alone_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "new" / "jwtsecret"
    secret = shared_secret(path)
    assert len(secret) == 32 and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == f"0x{secret.hex()}\n" and shared_secret(path) == secret
    assert shared_secret(tmp_path / "other") != secret


@pytest.mark.parametrize("text", [SECRET.hex(), f"0x{SECRET.hex()}", f"  {SECRET.hex().upper()}\n"])
def test_a_secret_is_read_with_and_without_prefix(tmp_path: Path, text: str) -> None:
    path = tmp_path / "jwt.hex"
    path.write_text(text)
    assert shared_secret(path) == SECRET


@pytest.mark.parametrize("content", [b"", b"00", b"zz" * 32, b"\xff\xfe", SECRET.hex().encode() + b"00"])
def test_a_file_that_holds_no_secret_is_an_error_that_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "jwt.hex"
    path.write_bytes(content)
    with pytest.raises(CriticalError, match=r"holds no JWT secret|cannot be read"):
        shared_secret(path)
    assert path.read_bytes() == content


def test_a_place_where_no_secret_can_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CriticalError, match="JWT secret"):
        shared_secret(tmp_path / "file" / "jwtsecret")
    with pytest.raises(CriticalError, match="cannot be read"):
        shared_secret(tmp_path)


# --- the server ---


async def test_requests_and_sockets_without_a_token_are_turned_away_with_a_sentence() -> None:
    server = RpcServer(EngineWorld().dispatcher, ServerOptions(port=0, authorize=TokenCheck(SECRET, lambda: NOW)))
    await server.start()
    good = {"Authorization": f"Bearer {token({'iat': NOW})}"}
    call = {"jsonrpc": "2.0", "id": 1, "method": "engine_exchangeCapabilities", "params": [[]]}
    try:
        async with ClientSession() as session:
            async with session.post(server.url, json=call) as answer:
                assert answer.status == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
                assert (await answer.text()).startswith("missing token: ")
            async with session.post(server.url, json=call, headers=good) as answer:
                assert answer.status == 200 and "engine_newPayloadV4" in (await answer.json())["result"]
            async with session.post(server.url, json=call, headers=good | {"Host": "evil.example"}) as answer:
                assert answer.status == 403
            with pytest.raises(WSServerHandshakeError) as refused:
                await session.ws_connect(server.ws_url)
            assert refused.value.status == 401
            async with session.ws_connect(server.ws_url, headers=good) as socket:
                await socket.send_json(call)
                assert "result" in await socket.receive_json()
    finally:
        await server.stop()


async def test_without_a_check_no_token_is_asked_for() -> None:
    server = RpcServer(Dispatcher([]), ServerOptions(port=0))
    await server.start()
    try:
        async with (
            ClientSession() as session,
            session.post(server.url, json={"jsonrpc": "2.0", "id": 1, "method": "rpc_modules"}) as answer,
        ):
            assert answer.status == 200
    finally:
        await server.stop()
