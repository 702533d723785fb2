"""What loading the plugin costs a server that may never use it."""

import subprocess
import sys

SCRIPT = """
import sys
import csai_provider_claude

csai_provider_claude.register_providers()
print("anthropic" in sys.modules)
"""


def test_loading_the_plugin_does_not_load_the_vendors_sdk() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout.strip() == "False"
