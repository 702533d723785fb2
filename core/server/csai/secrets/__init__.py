"""What is stored encrypted: where it is, and encrypting it anew."""
