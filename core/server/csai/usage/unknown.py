"""Models whose price nobody knows: the operator hears of each once from every process."""

from __future__ import annotations

from csai.kit.alert import Alerts

MAX_MODELS = 1_000


class UnknownPrices:
    """Raises `model.price_unknown`."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts
        self._told: set[tuple[str, str, bool]] = set()

    def met(self, provider: str, model: str, *, is_asked: bool) -> None:
        """A turn was to call the model; `is_asked` is False where a limit of cost kept it from doing so."""
        met = (provider, model, is_asked)
        if met in self._told or len(self._told) >= MAX_MODELS:
            return
        self._told.add(met)
        self._alerts.raise_alert(
            "model.price_unknown",
            provider=provider,
            model=model,
            consequence="booked as nothing" if is_asked else "not called where a plan limits the cost",
            remedy="csai models price",
        )
