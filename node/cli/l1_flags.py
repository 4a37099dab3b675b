"""The flags that say where L1 is read, shared by the commands that read it; names are op-node's where it has one."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from node.l1_sources import L1Options

_URLS = typer.Option("--l1", help="URL of an L1 execution endpoint; repeat for more, the preferred one first.")
_BEACONS = typer.Option("--l1.beacon", help="URL of an L1 beacon endpoint; repeat for more, the preferred one first.")

L1Urls = Annotated[list[str], _URLS]
L1Beacons = Annotated[list[str], _BEACONS]
L1UrlsIfAny = Annotated[list[str] | None, _URLS]
L1BeaconsIfAny = Annotated[list[str] | None, _BEACONS]
L1BeaconFallbacks = Annotated[
    list[str] | None,
    typer.Option(
        "--l1.beacon-fallbacks",
        "--l1.beacon-archiver",
        help="URL of an archive with a beacon node's API, for blobs that nodes do not keep any more; may be repeated.",
    ),
]
L1BlobDirectory = Annotated[
    Path | None, typer.Option("--l1.blob-directory", help="Directory with blobs that no endpoint has any more.")
]
L1Quorum = Annotated[
    int | None,
    typer.Option(
        "--l1.quorum",
        help="Execution endpoints that must agree on which block is canonical. Default: a majority of three or more, "
        "else one.",
        min=1,
    ),
]
L1Timeout = Annotated[float, typer.Option("--l1.rpc-timeout", help="Seconds that an L1 endpoint has for an answer.")]
L1RateLimit = Annotated[
    float,
    typer.Option("--l1.rpc-rate-limit", help="Calls per second to each L1 endpoint (0: no limit).", min=0),
]
L1BatchSize = Annotated[
    int, typer.Option("--l1.rpc-max-batch-size", help="Calls per request; they count singly for the rate limit.", min=1)
]
L1Concurrency = Annotated[
    int, typer.Option("--l1.max-concurrency", help="Requests to an L1 endpoint at the same time.", min=1)
]
L1ArchiveSize = Annotated[
    int,
    typer.Option(
        "--l1.blob-archive-size",
        help="Megabytes for the blobs kept in the data directory, the oldest go first (0: no limit).",
        min=0,
    ),
]

TIMEOUT, BATCH_SIZE, CONCURRENCY, ARCHIVE_MEGABYTES = 10.0, 20, 10, 16_384


def l1_options(
    urls: Sequence[str],
    beacons: Sequence[str],
    fallbacks: Sequence[str] | None,
    *,
    blob_directory: Path | None,
    quorum: int | None,
    timeout: float,
    rate_limit: float,
    batch_size: int,
    concurrency: int,
    archive_megabytes: int,
) -> "L1Options":
    """The flags as options. URLs may also be given as one value, separated by commas, as op-node takes them."""
    from node.l1_sources import L1Options

    return L1Options(
        execution=_split(urls),
        beacon=_split(beacons),
        beacon_fallbacks=_split(fallbacks or ()),
        blob_directory=blob_directory,
        archive_bytes=archive_megabytes << 20 or None,
        quorum=quorum,
        timeout=timeout,
        rate_limit=rate_limit,
        max_batch_size=batch_size,
        max_concurrency=concurrency,
    )


def _split(values: Sequence[str]) -> tuple[str, ...]:
    """URLs, some of them several in one value. A comma inside of a URL stays where it is."""
    return tuple(part.strip(" ,") for value in values for part in value.replace(",http", ",\0http").split("\0"))
