"""Settings that depend on each other."""

from __future__ import annotations

from pathlib import Path

import pytest
from csai.config import ConfigError, Settings
from pydantic import ValidationError


@pytest.mark.parametrize("lease_s", [2, 10, 30, 600])
def test_a_running_turn_renews_its_lease_before_it_ends(lease_s: float) -> None:
    assert 0 < Settings(lease_s=lease_s).heartbeat_s <= min(10, lease_s / 3)


def test_a_lease_too_short_to_be_renewed_in_time_is_refused() -> None:
    with pytest.raises(ValidationError, match="lease_s"):
        Settings(lease_s=1)


@pytest.mark.parametrize("rate", ["-1", "1e400", "NaN", "100001"])
@pytest.mark.parametrize("name", ["input", "output", "cache_read", "cache_write"])
def test_a_price_that_would_give_back_what_was_used_is_refused(name: str, rate: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({"price_overrides": {"a:b": {"input": 1, "output": 1} | {name: rate}}})


def test_a_key_is_made_once_kept_and_private(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")

    first = settings.signing_keys()

    assert settings.signing_keys() == first
    assert len(first[0]) >= 32
    assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o077 == 0
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret.key"]


def test_an_empty_key_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "secret.key").touch()

    with pytest.raises(ConfigError, match=r"delete it"):
        Settings(data_dir=tmp_path).signing_keys()


def test_a_data_folder_that_cannot_be_made_says_so() -> None:
    with pytest.raises(ConfigError, match="CSAI_DATA_DIR"):
        Settings(data_dir=Path("/proc/none")).signing_keys()


@pytest.mark.parametrize("keys", ["", "short", "x" * 40 + ",short"])
def test_production_takes_no_missing_or_weak_key(keys: str) -> None:
    with pytest.raises(ConfigError, match="CSAI_SECRET_KEYS"):
        Settings(env="production", secret_keys=keys).signing_keys()
