from csai_testkit.conformance import ToolSuite


class TestHello(ToolSuite):
    plugin = "csai_tool_hello"

    def arguments(self, text):
        return {"say_hello": {"name": text}}
