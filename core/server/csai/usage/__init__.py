"""Metering: the ledger that bills, the counters that enforce, the prices in between."""
