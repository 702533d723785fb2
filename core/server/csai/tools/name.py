"""What a tool may be called, wherever it comes from."""

from __future__ import annotations

import re

# As long as their columns are wide; of a tool's name, vendors take no other characters.
TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_CATEGORY_CHARS = 50
