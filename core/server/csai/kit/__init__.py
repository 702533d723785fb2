"""Small tools that belong to no domain noun."""
