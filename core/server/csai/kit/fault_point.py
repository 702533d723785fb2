"""Where a test may make a process die: the steps of a turn and of jobs, in the order in which they come.

`CSAI_FAULT_POINT=settled` kills the process (SIGKILL, nothing is cleaned up) when it first reaches that
step, `CSAI_FAULT_POINT=settled:3` when it does for the third time; `CSAI_FAULT_POINT=settled:pause` stops it
(SIGSTOP) until somebody continues it. In production the variable does nothing.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from enum import Enum

VARIABLE = "CSAI_FAULT_POINT"
PAUSE = "pause"


class FaultPoint(Enum):
    """The steps. What has been stored, sent or spent when one is reached is what its comment says."""

    ASKED = "asked"  # nothing
    ACCEPTED = "accepted"  # the message, the turn, its reservation
    MODEL_CALL = "model_call"  # what the attempt may use is reserved, where the plan limits it
    TEXT_BEGUN = "text_begun"  # the vendor has begun to answer
    MODEL_REPLIED = "model_replied"  # the vendor has answered and said what it used
    TOOLS_CHOSEN = "tools_chosen"  # calls checked, none written down
    TOOLS_INTENDED = "tools_intended"  # calls with side effects written down, none sent
    TOOL_ANSWERED = "tool_answered"  # a call has had its effect
    ENDED = "ended"  # all that the turn does, but not its outcome
    SETTLED = "settled"  # the outcome; nobody has heard it

    RETENTION_CHOSEN = "retention_chosen"  # a batch of what is kept no longer is read
    RETENTION_ARCHIVED = "retention_archived"  # the batch has arrived in the archive
    RETENTION_COUNTED = "retention_counted"  # a day is drawn together, in the transaction that deletes
    RETENTION_REMOVED = "retention_removed"  # the batch is gone, but for the commit
    RETENTION_COMMITTED = "retention_committed"  # the batch is gone

    DELIVERY_CLAIMED = "delivery_claimed"  # an attempt at an event's delivery is counted, and not begun
    DELIVERY_SENT = "delivery_sent"  # the receiver has answered

    CHANNEL_ANSWERED = "channel_answered"  # a channel's message has its turn, and no answer on its way yet
    PIECE_BEGUN = "piece_begun"  # that a piece is being sent; the vendor has not been asked
    PIECE_SENT = "piece_sent"  # the vendor has taken a piece, which nobody has written down
    CHARGE_INTENDED = "charge_intended"  # an attempt is written down, its gateway has not heard of it
    CHARGE_ANNOUNCED = "charge_announced"  # the vendor has the payment, and its id is not stored
    CHARGE_COLLECTED = "charge_collected"  # the vendor has collected, and nothing of it is stored
    REFUND_ANSWERED = "refund_answered"  # the vendor has given back, and nothing of it is stored


def reach(point: FaultPoint) -> None:
    """The process is at this step."""
    if point is _chosen:
        _act()


def choose(environment: Mapping[str, str]) -> tuple[FaultPoint | None, signal.Signals, int]:
    """What the environment asks for: step, signal, at which time. Raises `ValueError` for an unknown step."""
    name, _, action = environment.get(VARIABLE, "").partition(":")
    if not name or environment.get("CSAI_ENV") == "production":
        return None, signal.SIGKILL, 1
    is_known = name in {point.value for point in FaultPoint}
    if not is_known or not (action in {"", PAUSE} or action.isdigit()):
        known = ", ".join(point.value for point in FaultPoint)
        raise ValueError(
            f"{VARIABLE}: write one of {known}; :{PAUSE} stops rather than kills, :3 is the third time"
        )
    times = int(action) if action.isdigit() else 1
    return FaultPoint(name), signal.SIGSTOP if action == PAUSE else signal.SIGKILL, times


def _act() -> None:
    global _chosen, _left
    _left -= 1
    if _left > 0:
        return
    _chosen = None  # a process that was paused here goes on
    os.kill(os.getpid(), _signal)


_chosen, _signal, _left = choose(os.environ)
