from csai_sdk import hookimpl, tool


@tool(read_only=True)
def say_hello(name: str) -> str:
    """Greet somebody by name."""
    return f"Hello, {name}!"


@hookimpl
def register_tools():
    return [say_hello]
