"""What tests of every package share: real services, databases by the dozen, a browser."""
