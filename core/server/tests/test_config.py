"""Settings that depend on each other."""

from __future__ import annotations

import pytest
from csai.config import Settings
from pydantic import ValidationError


@pytest.mark.parametrize("lease_s", [2, 10, 30, 600])
def test_a_running_turn_renews_its_lease_before_it_ends(lease_s: float) -> None:
    assert 0 < Settings(lease_s=lease_s).heartbeat_s <= min(10, lease_s / 3)


def test_a_lease_too_short_to_be_renewed_in_time_is_refused() -> None:
    with pytest.raises(ValidationError, match="lease_s"):
        Settings(lease_s=1)
