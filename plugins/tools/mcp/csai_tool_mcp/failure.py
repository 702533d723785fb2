"""Requests to a server that came to nothing, told apart by what may have happened there."""

from __future__ import annotations

from typing import Literal

# For the model.
NOT_SET_UP = "This tool is not set up at the moment. Tell the visitor that it cannot be used now."

Kind = Literal["unsent", "gone", "refused", "lost"]


class RequestFailed(Exception):
    """A request without a result; the message is for the client's admin and holds nothing secret.

    `unsent` never left; `gone` was turned away, as the server does not know the session any more; `refused`
    is answered by an error; of what is `lost`, nobody knows whether the server acted on it. `said` are the
    server's own words for the model.
    """

    def __init__(self, kind: Kind, reason: str, *, said: str = "", is_setup: bool = False) -> None:
        super().__init__(reason)
        self.kind = kind
        self.said = said
        self.is_setup = is_setup
        """Whether the client's admin has to change something."""

    def may_repeat(self, *, is_idempotent: bool) -> bool:
        return self.kind in ("unsent", "gone") or (self.kind == "lost" and is_idempotent)
