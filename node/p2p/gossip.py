"""The node's part in the network of peers: judges what they gossip, gives what they ask for, tells them of blocks."""

import logging
from collections.abc import Callable

from config.rollup import RollupConfig
from evm.payload_message import SignedPayload
from evm.payload_ssz import PayloadVersion
from node.chain import Chain
from node.p2p.catch_up import CatchUp
from node.p2p.frames import Judgement
from node.p2p.payload_answer import INVALID, UNAVAILABLE, PayloadAnswer, answer_with
from node.p2p.settings import P2pSettings, Setup, network_key
from node.p2p.transport import Transport
from node.unsafe.intake import UnsafeIntake
from node.unsafe.signer import UnsafeBlockSigner
from node.unsafe.validation import Outcome, SeenBlocks, validate_message

log = logging.getLogger("lamina.p2p")

_JUDGEMENTS = {
    Outcome.ACCEPT: Judgement.ACCEPT,
    Outcome.IGNORE: Judgement.IGNORE,
    Outcome.REJECT: Judgement.REJECT,
}


class Gossip:
    """`transport` and `catch_up` are to be run; `publish` is for those who have signed blocks."""

    def __init__(
        self,
        settings: P2pSettings,
        rollup: RollupConfig,
        chain: Chain,
        intake: UnsafeIntake,
        signer: UnsafeBlockSigner,
        clock: Callable[[], float],
    ) -> None:
        """`clock` tells seconds since 1970. Raises CriticalError when libp2p is not installed, or the key is none."""
        self._rollup = rollup
        self._chain = chain
        self._intake = intake
        self._signer = signer
        self._clock = clock
        self._seen = SeenBlocks()
        setup = Setup.of(settings, network_key(settings.key), rollup)
        self.transport = Transport(setup, self.judge, self.serve)
        self.catch_up = CatchUp(rollup, chain, intake, lambda: self.transport.connected, self.transport.ask)
        self.refusing: str | None = None
        """Why the newest message that was new was refused, if it was."""

    # --- as a source of unsafe blocks (`node.unsafe.following`) ---

    @property
    def name(self) -> str:
        """As operators know it."""
        return "gossip"

    @property
    def connected(self) -> bool:
        """Whether there is a peer."""
        return bool(self.transport.connected)

    @property
    def error(self) -> str | None:
        """Why there is no peer, or nobody's word counts."""
        if self._signer.address is None and self._signer.error is not None:
            return f"who signs unsafe blocks is not known yet ({self._signer.error})"
        if self.connected:
            return None
        return self.transport.status.error or ("no peer is connected" if self.transport.status.running else None)

    def publish(self, signed: SignedPayload) -> None:
        """Gossip a block: of the own sequencer, or one that came another way and that peers may lack. What came by gossip is
        not sent twice."""
        payload = signed.payload
        try:
            message = signed.message()
        except ValueError as error:
            log.warning("not gossiped: %s", error)
            return
        self._seen.mark(payload.number, payload.block_hash)
        self.transport.publish(signed.version - 1, message)

    def judge(self, peer: str, topic: int, data: bytes) -> Judgement:
        """What becomes of a message that a peer brought. Spec: op rollup-node-p2p, "Block validation"."""
        verdict = validate_message(
            data, PayloadVersion(topic + 1), self._rollup, self._signer.address, self._clock(), self._seen
        )
        if verdict.outcome is Outcome.REJECT:
            self.refusing = f"peer {peer}: {verdict.reason}"
            log.warning("gossip of peer %s is refused: %s", peer, verdict.reason)
        else:
            log.debug("gossip of peer %s: %s", peer, verdict.reason)
        if verdict.accepted is not None:
            self.refusing = None
            self._intake.offer(verdict.accepted, f"peer {peer}")
        return _JUDGEMENTS[verdict.outcome]

    def serve(self, number: int) -> PayloadAnswer:
        """The answer to a peer that asks for the payload of a block. Spec: op rollup-node-p2p, "payload_by_number"."""
        if number < self._rollup.genesis.l2.number or self._rollup.timestamp_of(number) > self._clock():
            return PayloadAnswer(INVALID)
        block = self._chain.block_by_number(number)
        return PayloadAnswer(UNAVAILABLE) if block is None else answer_with(block)
