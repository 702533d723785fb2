"""Promises that cross packages; a package's own tests stand beside it."""
