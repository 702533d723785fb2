"""What an author of a csai plugin tests it with."""
