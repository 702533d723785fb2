"""What the HTTP API says of itself, held against a running server."""
