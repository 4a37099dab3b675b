"""The account's transactions that no block holds yet, whoever sent them."""

from config.errors import TemporaryError
from config.types import Address, to_hex
from l1.rpc import RpcCaller, RpcError


async def unconfirmed_transactions(rpc: RpcCaller, account: Address) -> int:
    """How many transactions of `account` wait in L1's pool, as far as the endpoint knows. Raises TemporaryError.

    They may come from an earlier run of this role: what they do is not on L1 yet, so it would be done twice.
    """
    address = to_hex(account)
    calls = [("eth_getTransactionCount", [address, block]) for block in ("latest", "pending")]
    answers = await rpc.batch(calls)
    for answer in answers:
        if isinstance(answer, RpcError):
            raise TemporaryError(str(answer)) from answer
    try:
        confirmed, known = (int(answer, 16) for answer in answers)
    except (TypeError, ValueError) as error:
        raise TemporaryError(f"{rpc.endpoint} gave malformed transaction counts of {address} ({error})") from error
    return max(known - confirmed, 0)
