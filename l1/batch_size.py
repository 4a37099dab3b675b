"""How many calls to put into one batch for an endpoint that does not say what it takes."""

_FIRST_PROOF = 8
_LONGEST_PROOF = 4_096


class BatchSize:
    """The most calls per batch: halved when a batch is refused, doubled again once batches have gone well for long.

    An endpoint may refuse a batch for its size, or because it is in trouble for a moment; its answer seldom tells. So
    a larger size is tried again, and each time that is refused, twice as many batches have to go well before the next
    attempt. Once as many of the largest size have gone well, all is forgotten.
    """

    def __init__(self, most: int) -> None:
        """`most` (calls) is never exceeded."""
        self._most = most
        self._good = 0
        self._proof = _FIRST_PROOF
        self._in_trouble = False
        self.limit = most
        """The most calls to send at once now."""

    def refused(self, calls: int) -> None:
        """A batch of `calls` was refused as a whole, or answered in part."""
        self._proof = min(2 * self._proof, _LONGEST_PROOF)
        self.limit = max(min(calls, self.limit) // 2, 1)
        self._good = 0
        self._in_trouble = False

    def failed(self) -> bool:
        """The endpoint failed in answering a batch. Whether to blame its size: only if that comes twice in a row."""
        was, self._in_trouble = self._in_trouble, not self._in_trouble
        return was

    def answered(self, calls: int) -> None:
        """A batch of `calls` was answered; only one as large as is allowed proves anything."""
        self._in_trouble = False
        if calls < self.limit:
            return
        self._good += 1
        if self._good < self._proof:
            return
        self._good = 0
        if self.limit < self._most:
            self.limit = min(2 * self.limit, self._most)
        else:
            self._proof = _FIRST_PROOF
