"""What visitors may do only where the client offers it: its branding has a switch for each."""

from __future__ import annotations

from typing import Literal

from csai.clients.access import Access
from csai.clients.branding import stored_branding
from csai.kit.problem import Problem
from csai.plugins.view import ClientView

Offer = Literal["handoff", "email_follow_up", "feedback", "rating", "transcript"]


def is_offered(view: ClientView, offer: Offer) -> bool:
    return bool(getattr(stored_branding(view.client.branding), offer))


def check_offered(access: Access, offer: Offer) -> None:
    """Raises 403 where it is switched off; but the client's own servers do as they like."""
    if access.is_secret or is_offered(access.view, offer):
        return
    raise Problem(
        403,
        "not_offered",
        f"This client does not offer {offer} to its visitors. Its admin may switch it on: "
        f"csai client branding CLIENT --set {offer}=true.",
        offer=offer,
    )
