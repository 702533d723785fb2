"""csai provider: models served by Ollama."""
