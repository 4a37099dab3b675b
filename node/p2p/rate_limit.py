"""How many payloads peers may ask for. Figures: op-node, `p2p/sync.go`."""

from collections import OrderedDict

GLOBAL_RATE, GLOBAL_BURST = 20.0, 40.0
PEER_RATE, PEER_BURST = 4.0, 15.0
REMEMBERED_PEERS = 1000


class Bucket:
    """Fills with `rate` tokens a second up to `burst`."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> bool:
        """Take a token, if there is one."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class RequestLimit:
    """A bucket for all peers together, and one for each."""

    def __init__(self, now: float) -> None:
        self._all = Bucket(GLOBAL_RATE, GLOBAL_BURST, now)
        self._peers: OrderedDict[str, Bucket] = OrderedDict()

    def admits(self, peer: str, now: float) -> bool:
        """Whether a request of a peer may be served now."""
        bucket = self._peers.setdefault(peer, Bucket(PEER_RATE, PEER_BURST, now))
        self._peers.move_to_end(peer)
        if len(self._peers) > REMEMBERED_PEERS:
            self._peers.popitem(last=False)
        return bucket.take(now) and self._all.take(now)
