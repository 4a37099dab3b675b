"""Who may use the Engine API: the shared secret in its file, and the tokens signed with it.

Spec: Engine API, "Authentication"; RFC 7519.
"""

import base64
import binascii
import hmac
import json
import math
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeGuard

from config.errors import CriticalError

SECRET_BYTES = 32
TOLERANCE = 60
"""Seconds that a token's time of issue may be away from this machine's clock."""


def shared_secret(path: Path) -> bytes:
    """The 32 bytes that the file holds in hex; a file that is not there is made, with a new secret, for its owner alone.

    Raises CriticalError when it cannot be read or made, or holds something else.
    """
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        return _new_secret(path)
    except (OSError, UnicodeDecodeError) as error:
        raise CriticalError(f"the JWT secret in {path} cannot be read: {error}") from error
    try:
        secret = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise CriticalError(
            f"{path} holds no JWT secret: it must be {SECRET_BYTES} bytes in hex; delete it to have a new one made, and give the "
            "same file to the consensus client"
        )
    return secret


def _new_secret(path: Path) -> bytes:
    secret = secrets.token_bytes(SECRET_BYTES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"0x{secret.hex()}\n")
    except OSError as error:
        raise CriticalError(f"no JWT secret can be written to {path}: {error}") from error
    return secret


class TokenCheck:
    """Tells why a request is not from somebody who has the secret. `wall` gives the time, seconds since 1970."""

    def __init__(self, secret: bytes, wall: Callable[[], float]) -> None:
        self._secret = secret
        self._wall = wall

    def __call__(self, authorization: str | None) -> str | None:
        """A sentence for the caller, or None when the HTTP header `Authorization` carries a good token.

        Spec: Engine API, "JWT specifications" and "JWT Claims".
        """
        if authorization is None:
            return "missing token: the Engine API wants the header 'Authorization: Bearer JWT', signed with the shared secret"
        scheme, _, token = authorization.partition(" ")
        parts = token.strip().split(".")
        if scheme.lower() != "bearer" or len(parts) != 3:
            return "malformed token: the header must be 'Authorization: Bearer JWT'"
        try:
            header, claims, signature = _object(parts[0]), _object(parts[1]), _decode(parts[2])
        except ValueError as error:
            return f"malformed token: {error}"
        if header.get("alg") != "HS256":
            return f"the token is signed with {header.get('alg')!r}, only HS256 is accepted"
        expected = hmac.digest(self._secret, f"{parts[0]}.{parts[1]}".encode(), "sha256")
        if not hmac.compare_digest(expected, signature):
            return "the token's signature is wrong: do both sides have the same secret (--authrpc.jwtsecret)?"
        return self._untimely(claims)

    def _untimely(self, claims: dict[str, Any]) -> str | None:
        now, issued, expires = self._wall(), claims.get("iat"), claims.get("exp", math.inf)
        if not _is_time(issued):
            return "the token lacks its time of issue (iat)"
        if not _is_time(expires) or expires <= now:
            return "the token has expired"
        age = now - issued
        if abs(age) > TOLERANCE:
            when = f"{age:.0f} s ago" if age > 0 else f"{-age:.0f} s in the future"
            return (
                f"the token was issued {when}, at most {TOLERANCE} s are accepted: do the clocks of both machines agree, and "
                "is there a new token for every request?"
            )
        return None


def _is_time(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _decode(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("it is not in base64url") from error


def _object(part: str) -> dict[str, Any]:
    try:
        value = json.loads(_decode(part))
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON in base64url") from error
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    return value
