"""What the dashboard tells of use, cost and tools: answered from what was drawn together before."""
