"""What one client may ask for, so that it cannot take the server from the others."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Limits:
    """The limits of a server.

    `slots`: how many requests run at a time. `waiting`: how many more may wait; one more is refused
    with status 429. `prompt`: the longest prompt, in tokens; None: what the context leaves room
    for. `tokens`: the most that may follow it. `seconds`: how long a request may take, from the
    moment it is accepted; then what is written is the answer, and a request that still waits is
    refused with status 503. `body`: the most bytes of a request. Raises ValueError for a number
    that is not positive.
    """

    slots: int = 8
    waiting: int = 128
    prompt: int | None = None
    tokens: int = 1024
    seconds: float = 60.0
    body: int = 1_000_000

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            if name == "prompt" and value is None:
                continue
            if not value > 0:
                raise ValueError(f"{name} must be positive, got {value!r}")
