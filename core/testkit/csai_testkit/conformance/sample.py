"""What event hooks are told in checks: one turn of a verified visitor."""

from __future__ import annotations

from decimal import Decimal

from csai_sdk import Usage, event

from csai_testkit.conformance.scene import Scene

VISITOR = "visitor-5c1d2f"
OTHER_VISITOR = "visitor-a90be7"


def events(scene: Scene, *, visitor_id: str = VISITOR) -> dict[str, object]:
    """An event for each hook but `erase_visitor`, in the order of a turn. The visitor says its own id."""
    number = 1 if visitor_id == VISITOR else 2
    turn = event.TurnRef(scene.client_id, f"conversation-{number}", f"turn-{number}")
    text = f"{scene.text}, I am {visitor_id}"
    used = Usage(tokens_input=10, tokens_output=5)
    return {
        "message_received": event.MessageReceived(turn, text, visitor_id),
        "before_model_call": event.BeforeModelCall(turn, "offline", "offline", text),
        "after_model_call": event.AfterModelCall(turn, "offline", "offline", used, None),
        "before_tool_call": event.BeforeToolCall(turn, f"{turn.turn_id}.1.0", "look_up", {"question": text}),
        "after_tool_call": event.AfterToolCall(turn, f"{turn.turn_id}.1.0", "look_up", True, 12),
        "usage_recorded": event.UsageRecorded(turn, "offline", "offline", used, Decimal("0.01"), False),
        "reply_sent": event.ReplySent(turn, "completed", text),
        "handoff": event.Handoff(scene.client_id, turn.conversation_id, "queued", text),
        "limit_reached": event.LimitReached(scene.client_id, "messages", 100),
        "plugin_toggled": event.PluginToggled(scene.client_id, "other", True),
    }
