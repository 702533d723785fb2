"""Invoices, and the payments that settle them through gateways."""
