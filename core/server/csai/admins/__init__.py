"""Admins: who may operate the installation, and what they changed."""
