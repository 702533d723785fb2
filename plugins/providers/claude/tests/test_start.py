"""What loading the plugin costs a server that may never use it."""

import subprocess
import sys


def test_loading_the_plugin_does_not_load_the_vendors_sdk() -> None:
    script = "import sys, csai_provider_claude as c; c.register_providers(); print('anthropic' in sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout.strip() == "False"
