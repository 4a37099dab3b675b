"""Why a block cannot be made, or is not accepted."""


class InvalidBlock(ValueError):
    """A block that breaks the rules of its chain; the message says which rule."""


class InvalidPayload(ValueError):
    """Payload attributes that no valid block can be made of; the message says why."""
