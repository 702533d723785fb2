"""csai provider: OpenAI's models and servers that speak its wire format."""
