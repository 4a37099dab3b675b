"""`lamina deposit` and `lamina withdraw`."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.cli.keys import KeystoreFile, PasswordFile

if TYPE_CHECKING:
    from config.types import Address, Hash32
    from node.bridge.l2_view import FoundWithdrawal
    from node.bridge.places import BridgePlaces
    from node.bridge.stages import Standing, WithdrawalWatch

Info = Annotated[
    Path | None, typer.Option("--info", help="A devnet's info file (devnet.json): URLs and contracts at once.")
]
Contracts = Annotated[
    Path | None, typer.Option("--contracts", help="JSON file with the L1 contracts' addresses by name.")
]
L1 = Annotated[str | None, typer.Option("--l1", help="URL of an L1 execution endpoint.")]
L2 = Annotated[str | None, typer.Option("--l2", help="URL of an L2 execution endpoint.")]
Key = Annotated[
    str | None,
    typer.Option("--private-key", envvar="LAMINA_BRIDGE_KEY", help="The account's key in hex.", show_default=False),
]
KeyFile = Annotated[Path | None, typer.Option("--private-key.file", help="A file with the account's key in hex.")]
Amount = Annotated[str, typer.Option("--amount", help="How much, e.g. 1.5 (ether, or the token's units).")]
To = Annotated[str | None, typer.Option("--to", help="Who gets it on the other chain. Default: the account itself.")]
Data = Annotated[str, typer.Option("--data", help="Call data for the recipient, in hex.")]
GasLimit = Annotated[int | None, typer.Option("--gas-limit", help="Gas for what happens on the other chain.")]
Token = Annotated[str | None, typer.Option("--token", help="The token on L1 (with --l2-token). Default: ether.")]
L2Token = Annotated[str | None, typer.Option("--l2-token", help="The token on L2 (with --token).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TxHash = Annotated[str, typer.Argument(help="Hash of the L2 transaction that began the withdrawal.")]
Index = Annotated[int, typer.Option("--index", help="Which withdrawal of that transaction, counted from 0.")]

withdraw = typer.Typer(
    name="withdraw",
    help="Take ether or tokens from L2 to L1: init on L2, prove and finalize on L1; run does everything.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def deposit(
    amount: Amount = "0",
    to: To = None,
    data: Data = "0x",
    gas_limit: GasLimit = None,
    token: Token = None,
    l2_token: L2Token = None,
    info: Info = None,
    contracts: Contracts = None,
    l1: L1 = None,
    l2: L2 = None,
    key: Key = None,
    key_file: KeyFile = None,
    keystore: KeystoreFile = None,
    password: PasswordFile = None,
    wait: Annotated[float, typer.Option("--wait", help="Seconds to wait for L2 to hold it (0: do not).")] = 300.0,
    as_json: AsJson = False,
) -> None:
    """Move ether, a call or a token from L1 to L2; with an L2 endpoint, wait until it is there.

    Examples: lamina deposit --info .lamina-devnet/devnet.json --private-key 0x.. --amount 1.5;
    lamina deposit --l1 http://localhost:8540 --contracts addresses.json --private-key.file key --amount 10
    --token 0x.. --l2-token 0x..
    """
    from config.types import Gas, Wei, from_hex, to_address
    from evm.types.json_codec import parse_quantity
    from l1.rpc import JsonRpcClient
    from node.bridge.account import BridgeAccount, token_decimals
    from node.bridge.amounts import parse_amount
    from node.bridge.deposit import deposit_ether, deposit_token, wait_for_l2
    from node.bridge.places import bridge_places
    from node.cli.keys import private_key

    places = bridge_places(info, contracts, l1, l2)
    pair = _token_pair(token, l2_token)
    gas = None if gas_limit is None else Gas(gas_limit)
    payload = from_hex(data)

    async def work() -> dict[str, Any]:
        async with await BridgeAccount.open(places.l1, private_key(key, key_file, keystore, password), "L1") as account:
            recipient = account.address if to is None else to_address(to)
            if pair is None:
                value = Wei(parse_amount(amount))
                deposited = await deposit_ether(account, places, recipient, value, payload, gas)
            else:
                units = parse_amount(amount, await token_decimals(account.rpc, pair[0]))
                deposited = await deposit_token(account, places, *pair, recipient, units, payload, gas)
            facts = deposited.to_json()
            if places.l2 is not None and wait > 0:
                async with JsonRpcClient(places.l2) as endpoint:
                    receipt = await wait_for_l2(endpoint, deposited, wait)
                facts["l2BlockNumber"] = parse_quantity(receipt["blockNumber"])
                facts["succeeded"] = parse_quantity(receipt["status"]) == 1
            return facts

    facts = asyncio.run(work())
    _show(
        facts,
        as_json,
        [
            ("L1 transaction", "l1TransactionHash"),
            ("in L1 block", "l1BlockNumber"),
            ("L2 transaction", "l2TransactionHash"),
            ("in L2 block", "l2BlockNumber"),
        ],
    )
    if facts.get("succeeded") is False:
        raise ValueError(
            "the call on L2 failed; what was deposited is the sender's on L2. Look at the L2 transaction, and give it "
            "more with --gas-limit if it ran out of gas"
        )


@withdraw.command("init")
def init(
    amount: Amount = "0",
    to: To = None,
    data: Data = "0x",
    gas_limit: GasLimit = None,
    token: Token = None,
    l2_token: L2Token = None,
    info: Info = None,
    l2: L2 = None,
    key: Key = None,
    key_file: KeyFile = None,
    keystore: KeystoreFile = None,
    password: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Begin a withdrawal on L2; the rest goes by the hash that this prints.

    Example: lamina withdraw init --info .lamina-devnet/devnet.json --private-key 0x.. --amount 0.5
    """
    from node.bridge.l2_view import L2View
    from node.cli.keys import private_key

    async def work() -> dict[str, Any]:
        url = _l2_url(info, l2)
        transaction = await _initiate(
            url,
            private_key(key, key_file, keystore, password),
            amount,
            to,
            data,
            gas_limit,
            _token_pair(token, l2_token),
        )
        async with _endpoint(url) as rpc:
            return _found_facts(await L2View(rpc).withdrawal(transaction))

    _show(
        asyncio.run(work()),
        as_json,
        [("L2 transaction", "l2TransactionHash"), ("in L2 block", "l2BlockNumber"), ("withdrawal", "withdrawalHash")],
    )


@withdraw.command("prove")
def prove(
    transaction: TxHash,
    index: Index = 0,
    info: Info = None,
    contracts: Contracts = None,
    l1: L1 = None,
    l2: L2 = None,
    key: Key = None,
    key_file: KeyFile = None,
    keystore: KeystoreFile = None,
    password: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Prove a withdrawal on L1 against the dispute game that ends first.

    Example: lamina withdraw prove 0x.. --info .lamina-devnet/devnet.json --private-key 0x..
    """
    _step("prove", transaction, index, info, contracts, l1, l2, key, key_file, keystore, password, as_json)


@withdraw.command("finalize")
def finalize(
    transaction: TxHash,
    index: Index = 0,
    info: Info = None,
    contracts: Contracts = None,
    l1: L1 = None,
    l2: L2 = None,
    key: Key = None,
    key_file: KeyFile = None,
    keystore: KeystoreFile = None,
    password: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Execute a withdrawal on L1, once its proof and game are old enough. Any account can.

    Example: lamina withdraw finalize 0x.. --info .lamina-devnet/devnet.json --private-key 0x..
    """
    _step("finalize", transaction, index, info, contracts, l1, l2, key, key_file, keystore, password, as_json)


@withdraw.command("status")
def status(
    transaction: TxHash,
    index: Index = 0,
    info: Info = None,
    contracts: Contracts = None,
    l1: L1 = None,
    l2: L2 = None,
    as_json: AsJson = False,
) -> None:
    """Say where a withdrawal stands, what it waits for and how long. Needs no key.

    Example: lamina withdraw status 0x.. --info .lamina-devnet/devnet.json
    """
    from node.bridge.places import bridge_places

    async def work() -> "Standing":
        async with _watching(bridge_places(info, contracts, l1, l2)) as watch:
            return await watch.standing(await _find(watch, transaction, index))

    standing = asyncio.run(work())
    if as_json:
        print(json.dumps(standing.to_json()))
    else:
        print(_sentence(standing))


@withdraw.command("run")
def run(
    transaction: Annotated[
        str | None, typer.Argument(help="Hash of the L2 transaction that began it; without one, --amount begins one.")
    ] = None,
    index: Index = 0,
    amount: Amount = "0",
    to: To = None,
    data: Data = "0x",
    gas_limit: GasLimit = None,
    token: Token = None,
    l2_token: L2Token = None,
    info: Info = None,
    contracts: Contracts = None,
    l1: L1 = None,
    l2: L2 = None,
    key: Key = None,
    key_file: KeyFile = None,
    keystore: KeystoreFile = None,
    password: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Take a withdrawal through all its steps. Can be stopped and started again with the same hash at any time.

    Examples: lamina withdraw run --amount 0.5 --info .lamina-devnet/devnet.json --private-key 0x..;
    lamina withdraw run 0x.. --info .lamina-devnet/devnet.json --private-key 0x..
    """
    from node.bridge.account import BridgeAccount
    from node.bridge.places import bridge_places
    from node.bridge.withdrawal import Withdrawer
    from node.cli.keys import private_key

    places = bridge_places(info, contracts, l1, l2)
    secret = private_key(key, key_file, keystore, password)
    last = ""

    def tell(standing: "Standing") -> None:
        nonlocal last
        line = f"{standing.stage.value}: {standing.missing}"
        if line != last:
            last = line
            typer.echo(_sentence(standing), err=True)

    async def work() -> "Standing":
        from config.types import to_hex

        begun = transaction
        if begun is None:
            pair = _token_pair(token, l2_token)
            begun = to_hex(await _initiate(places.require_l2(), secret, amount, to, data, gas_limit, pair))
            typer.echo(f"begun on L2; after an interruption go on with: lamina withdraw run {begun} ..", err=True)
        async with _watching(places) as watch, await BridgeAccount.open(places.l1, secret, "L1") as account:
            return await Withdrawer(account, watch).run(await _find(watch, begun, index), tell)

    standing = asyncio.run(work())
    if as_json:
        print(json.dumps(standing.to_json()))
    else:
        print("the withdrawal is executed on L1")


def _step(
    step: str,
    transaction: str,
    index: int,
    info: Path | None,
    contracts: Path | None,
    l1: str | None,
    l2: str | None,
    key: str | None,
    key_file: Path | None,
    keystore: Path | None,
    password: Path | None,
    as_json: bool,
) -> None:
    from config.types import to_hex
    from node.bridge.account import BridgeAccount
    from node.bridge.places import bridge_places
    from node.bridge.withdrawal import Withdrawer
    from node.cli.keys import private_key

    places = bridge_places(info, contracts, l1, l2)
    secret = private_key(key, key_file, keystore, password)

    async def work() -> dict[str, Any]:
        async with _watching(places) as watch, await BridgeAccount.open(places.l1, secret, "L1") as account:
            withdrawer = Withdrawer(account, watch)
            found = await _find(watch, transaction, index)
            receipt = await (withdrawer.prove(found) if step == "prove" else withdrawer.finalize(found))
            return {
                **_found_facts(found),
                "l1TransactionHash": to_hex(receipt.transaction_hash),
                "l1BlockNumber": receipt.block_number,
            }

    labels = [
        ("withdrawal", "withdrawalHash"),
        ("L1 transaction", "l1TransactionHash"),
        ("in L1 block", "l1BlockNumber"),
    ]
    _show(asyncio.run(work()), as_json, labels)


async def _initiate(
    url: str,
    secret: bytes,
    amount: str,
    to: str | None,
    data: str,
    gas_limit: int | None,
    pair: "tuple[Address, Address] | None",
) -> "Hash32":
    from config.types import Gas, from_hex, to_address
    from node.bridge.account import BridgeAccount, token_decimals
    from node.bridge.amounts import parse_amount
    from node.bridge.withdrawal import RELAY_GAS, Asked, initiate

    async with await BridgeAccount.open(url, secret, "L2") as account:
        recipient = account.address if to is None else to_address(to)
        gas = RELAY_GAS if gas_limit is None else Gas(gas_limit)
        if pair is None:
            asked = Asked(recipient, parse_amount(amount), from_hex(data), gas)
        else:
            l1_token, l2_token = pair
            units = parse_amount(amount, await token_decimals(account.rpc, l2_token))
            asked = Asked(recipient, units, from_hex(data), gas, token=l2_token, remote_token=l1_token)
        return (await initiate(account, asked)).transaction_hash


@asynccontextmanager
async def _watching(places: "BridgePlaces") -> "AsyncIterator[WithdrawalWatch]":
    from node.bridge.l2_view import L2View
    from node.bridge.stages import WithdrawalWatch

    async with _endpoint(places.l1) as l1, _endpoint(places.require_l2()) as l2:
        yield WithdrawalWatch(l1, L2View(l2), places.portal)


def _endpoint(url: str) -> Any:
    from l1.rpc import JsonRpcClient

    return JsonRpcClient(url)


async def _find(watch: "WithdrawalWatch", transaction: str, index: int) -> "FoundWithdrawal":
    from config.types import to_hash32

    return await watch.l2.withdrawal(to_hash32(transaction), index)


def _l2_url(info: Path | None, l2: str | None) -> str:
    if l2 is not None:
        return l2
    if info is None:
        raise ValueError("an L2 endpoint is needed: give --l2 URL, or --info devnet.json")
    from node.bridge.places import bridge_places

    return bridge_places(info, None).require_l2()


def _token_pair(token: str | None, l2_token: str | None) -> "tuple[Address, Address] | None":
    from config.types import to_address

    if token is None and l2_token is None:
        return None
    if token is None or l2_token is None:
        raise ValueError("a token has an address on each chain: give both --token and --l2-token")
    return to_address(token), to_address(l2_token)


def _found_facts(found: "FoundWithdrawal") -> dict[str, Any]:
    from config.types import to_hex

    return {
        "withdrawalHash": to_hex(found.transaction.hash),
        "l2TransactionHash": to_hex(found.l2_transaction_hash),
        "l2BlockNumber": found.l2_block_number,
    }


def _sentence(standing: "Standing") -> str:
    wait = standing.wait_seconds
    if wait is None:
        return f"{standing.stage.value}: {standing.missing}"
    return f"{standing.stage.value}: {standing.missing}" + (f", about {_duration(wait)} more" if wait else "")


def _duration(seconds: int) -> str:
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds} s"


def _show(facts: dict[str, Any], as_json: bool, labels: list[tuple[str, str]]) -> None:
    if as_json:
        print(json.dumps(facts))
        return
    for label, key in labels:
        if key in facts:
            print(f"{label:<16}{facts[key]}")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(deposit)
    app.add_typer(withdraw)
