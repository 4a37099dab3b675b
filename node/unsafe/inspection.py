"""Takes a gossiped payload apart whose version, compression and signature need not be known."""

from dataclasses import dataclass
from typing import Any

from config.types import Hash32, to_hex
from evm.execution_payload import ExecutionPayload
from evm.payload_message import decompress
from evm.payload_signature import SIGNATURE_BYTES, payload_signer, payload_signing_hash
from evm.payload_ssz import PayloadVersion, decode_payload
from evm.types.signature import InvalidSignature


@dataclass(frozen=True)
class Inspected:
    """A payload with how it was written: `signature` is None where there is none, `encoded` is what is signed."""

    payload: ExecutionPayload
    version: PayloadVersion
    compressed: bool
    signature: bytes | None
    encoded: bytes


def find_payload(data: bytes, version: PayloadVersion | None = None) -> Inspected:
    """The payload in these bytes: of any version unless one is given, snappy or plain, with or without a signature.

    Each version has its own length of the fixed part, which stands in its first offset, so only one fits. Raises ValueError
    when none does, with what is wrong with each way to read it where the version is given.
    """
    candidates: list[tuple[bytes, bool]] = [(data, False)]
    try:
        candidates.insert(0, (decompress(data), True))
        problems = []
    except ValueError as error:
        problems = [str(error)]
    for contents, compressed in candidates:
        for wanted in tuple(PayloadVersion) if version is None else (version,):
            for signature in (SIGNATURE_BYTES, 0):
                encoded = contents[signature:]
                try:
                    payload = decode_payload(encoded, wanted)
                except ValueError as error:
                    if version is not None:
                        how = f"{'decompressed' if compressed else 'plain'} and {'' if signature else 'not '}signed"
                        problems.append(f"{how}: {error}")
                    continue
                return Inspected(payload, wanted, compressed, contents[:signature] or None, encoded)
    versions = "a payload of any version" if version is None else f"a payload of version {version}"
    details = f" ({'; '.join(problems)})" if problems else ""
    raise ValueError(f"these {len(data)} bytes are not {versions}, compressed or plain, signed or not{details}")


def inspection_to_json(found: Inspected, chain_id: int | None) -> dict[str, Any]:
    """What `lamina decode-payload` prints. Who signed it can be told of a known chain only."""
    payload = found.payload
    recomputed: Hash32 | None = None
    errors: list[str] = []
    try:
        recomputed = payload.block().hash
    except ValueError as error:
        errors.append(f"the payload makes no block: {error}")
    signer: str | None = None
    if found.signature is not None and chain_id is not None:
        try:
            signer = to_hex(payload_signer(found.signature, found.encoded, chain_id))
        except InvalidSignature as error:
            errors.append(f"nobody can have signed this: {error}")
    elif found.signature is not None:
        errors.append("who signed it depends on the chain: name it with --chain-id or --rollup.config")
    root = payload.parent_beacon_block_root
    return {
        "version": int(found.version),
        "topic": None if chain_id is None else found.version.topic(chain_id),
        "compressed": found.compressed,
        "signature": None if found.signature is None else to_hex(found.signature),
        "signingHash": None if chain_id is None else to_hex(payload_signing_hash(found.encoded, chain_id)),
        "signer": signer,
        "parentBeaconBlockRoot": None if root is None else to_hex(root),
        "executionPayload": payload.to_json(),
        "blockHash": None if recomputed is None else to_hex(recomputed),
        "blockHashMatches": recomputed == payload.block_hash,
        "errors": errors,
    }
