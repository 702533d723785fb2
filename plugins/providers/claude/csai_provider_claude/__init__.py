"""csai provider: Anthropic's Claude models."""
