"""The made-up shop that `csai demo` and `csai seed` show csai with."""
