"""Conservation: whatever order transfers and failures come in, nothing is minted that is not locked."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.contracts.harness import Contract, Result, Reverted, account
from tests.contracts.two_chains import TwoChains

USERS = tuple(account(f"user {number}") for number in range(3))
users = st.sampled_from(USERS)
amounts = st.integers(0, 120)


class TokenBridge(RuleBasedStateMachine):
    """An ERC-20 token of L1 goes back and forth; messages wait on the way until they are carried over."""

    def __init__(self) -> None:
        super().__init__()
        self.chains = TwoChains()
        self.token: Contract = self.chains.l1_chain.deploy("WETH98")
        for user in USERS:
            self.token.send("deposit", sender=user, value=100)
            self.token.send("approve", self.chains.l1_bridge.address, 2**256 - 1, sender=user)
        factory = self.chains.l2["OptimismMintableERC20Factory"]
        made = factory.send("createOptimismMintableERC20", self.token.address, "Image", "IMG", sender=USERS[0])
        address = factory.events(made, "OptimismMintableERC20Created")[0]["localToken"]
        self.image = self.chains.l2.chain.at("OptimismMintableERC20", address)
        self.to_l2: list[tuple[Result, int]] = []
        self.to_l1: list[tuple[Result, int]] = []

    @rule(sender=users, receiver=users, amount=amounts)
    def deposit(self, sender: bytes, receiver: bytes, amount: int) -> None:
        """Locks tokens, if the sender has them."""
        affordable = self.token.call("balanceOf", sender) >= amount
        args = (self.token.address, self.image.address, receiver, amount, 200_000, b"")
        try:
            sent = self.chains.l1_bridge.send("depositERC20To", *args, sender=sender)
        except Reverted:
            assert not affordable
            return
        assert affordable
        self.to_l2.append((sent, amount))

    @rule(sender=users, receiver=users, amount=amounts)
    def withdraw(self, sender: bytes, receiver: bytes, amount: int) -> None:
        """Burns tokens, if the sender has them."""
        affordable = self.image.call("balanceOf", sender) >= amount
        bridge = self.chains.l2["L2StandardBridge"]
        try:
            sent = bridge.send("withdrawTo", self.image.address, receiver, amount, 200_000, b"", sender=sender)
        except Reverted:
            assert not affordable
            return
        assert affordable
        self.to_l1.append((sent, amount))

    @rule(index=st.integers(0, 5))
    def deliver_deposit(self, index: int) -> None:
        """Carries one waiting deposit to L2, in any order."""
        if self.to_l2:
            sent, _ = self.to_l2.pop(index % len(self.to_l2))
            self.chains.carry_to_l2(sent)

    @rule(index=st.integers(0, 5))
    def deliver_withdrawal(self, index: int) -> None:
        """Carries one waiting withdrawal to L1, in any order."""
        if self.to_l1:
            sent, _ = self.to_l1.pop(index % len(self.to_l1))
            self.chains.carry_to_l1(sent)

    @invariant()
    def what_is_locked_is_minted_or_under_way(self) -> None:
        """Holds at any moment."""
        locked = self.chains.l1_bridge.call("deposits", self.token.address, self.image.address)
        under_way = sum(amount for _, amount in self.to_l2 + self.to_l1)
        assert locked == self.token.call("balanceOf", self.chains.l1_bridge.address)
        assert locked == self.image.call("totalSupply") + under_way
        assert sum(self.image.call("balanceOf", user) for user in USERS) == self.image.call("totalSupply")


TokenBridge.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestTokenBridge = TokenBridge.TestCase
