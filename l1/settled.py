"""The latest confirmed transactions of an account: a reorg deeper than their confirmations may undo them."""

from l1.flight import Flight


class SettledFlights:
    """Confirmed flights by nonce, for as long as a reorg may reach them; blobs are large, so their number is bounded."""

    def __init__(self, depth: int = 64, most: int = 32) -> None:
        """Those of the newest `depth` L1 blocks are kept (two epochs, when L1 is final), and `most` of them."""
        self._depth = depth
        self._most = most
        self._flights: dict[int, Flight] = {}

    def keep(self, flight: Flight) -> None:
        """Take a flight that is included; its nonce may be in use by an older one, which is forgotten."""
        assert flight.included is not None
        self._flights[flight.nonce] = flight
        oldest = flight.included.number - self._depth
        recent = [each for each in self._flights.values() if each.included and each.included.number > oldest]
        recent.sort(key=lambda each: each.nonce)
        self._flights = {each.nonce: each for each in recent[-self._most :]}

    def forget(self, nonce: int) -> None:
        """The nonce has gone to another transaction."""
        self._flights.pop(nonce, None)

    def take_from(self, nonce: int) -> list[Flight]:
        """Give up all from `nonce` on, in order."""
        return [self._flights.pop(each) for each in sorted(self._flights) if each >= nonce]
