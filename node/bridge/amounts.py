"""Amounts as people write them."""

from decimal import Decimal, InvalidOperation

ETHER_DECIMALS = 18
_MAX_SHIFT = 100


def parse_amount(text: str, decimals: int = ETHER_DECIMALS) -> int:
    """`1.5` in the smallest unit (wei for ether).

    Raises ValueError when it is no amount, is negative, or has more digits than the currency.
    """
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no amount: write it like 1.5") from None
    if not value.is_finite() or value < 0:
        raise ValueError(f"{text!r} is no amount: it has to be a number that is not negative")
    _, digits, exponent = value.as_tuple()
    shift = int(exponent) + decimals
    if abs(shift) > _MAX_SHIFT:
        raise ValueError(f"{text!r} is out of the range of any currency")
    whole = int("".join(map(str, digits)))
    scale: int = 10 ** abs(shift)
    if shift < 0 and whole % scale:
        raise ValueError(f"{text!r} has more than the {decimals} decimals of this currency")
    amount = whole * scale if shift >= 0 else whole // scale
    if amount >= 1 << 256:
        raise ValueError(f"{text!r} is more than any currency has")
    return amount


def format_amount(value: int, decimals: int = ETHER_DECIMALS) -> str:
    """The amount as people write it, without needless zeros."""
    whole, fraction = divmod(value, 10**decimals)
    digits = str(fraction).rjust(decimals, "0").rstrip("0") if fraction else ""
    return f"{whole}.{digits}" if digits else str(whole)
