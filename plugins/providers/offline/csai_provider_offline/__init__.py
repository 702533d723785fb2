"""csai provider: a deterministic provider that needs no model, no key and no network."""
