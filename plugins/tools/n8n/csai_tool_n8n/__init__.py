"""csai tool backend: n8n webhooks."""
