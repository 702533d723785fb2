"""Mail that no person wrote: answering it would make two machines write to each other for ever.

After RFC 3834 and what mail programs send beside it.
"""

from __future__ import annotations

import re

from csai_channel_email.mail import Mail

MARK = "x-csai-account"
_ROBOTS = (
    "mailer-daemon",
    "postmaster",
    "no-reply",
    "noreply",
    "do-not-reply",
    "donotreply",
    "bounce",
    "bounces",
)
_BULK = ("bulk", "junk", "list", "auto_reply", "auto-reply")
_LISTS = ("list-id", "list-unsubscribe", "list-post", "feedback-id", "mailing-list")
# What programs write as a subject where they mark their mail by nothing else.
_SUBJECTS = re.compile(
    r"^\W*(?:automatic reply|auto[- ]?reply|out of (?:the )?office|undeliverable|undelivered mail|"
    r"delivery status notification|mail delivery (?:failed|subsystem)|returned mail|failure notice|"
    r"automatische antwort|abwesenheits(?:notiz|nachricht)|unzustellbar|réponse automatique|"
    r"absence du bureau|respuesta automática|fuera de la oficina|risposta automatica|"
    r"resposta automática|automatisch antwoord|autosvar|automatiskt svar|автоматический ответ|"
    r"(?:מענה|תגובה|תשובה) אוטומטית?|מחוץ למשרד|رد تلقائي)\b",
    re.IGNORECASE,
)
_AUTOMATIC = ("x-autoreply", "x-autorespond", "x-auto-response-from", "x-mail-autoreply")


def why_not_answered(mail: Mail, own_address: str) -> str:
    """Why this mail gets no answer; empty where a person seems to have written it."""
    headers = mail.headers
    if not mail.sender:
        return "it has no sender"
    if headers.get(MARK) or mail.sender == own_address:
        return "it came from here"
    if headers.get("return-path", "").strip() == "<>":
        return "it wants no answer"
    submitted = headers.get("auto-submitted", "no").split(";")[0].strip().lower()
    if submitted not in ("", "no") or any(name in headers for name in _AUTOMATIC):
        return "a program sent it"
    if headers.get("precedence", "").strip().lower() in _BULK or any(name in headers for name in _LISTS):
        return "it went to many"
    suppressed = headers.get("x-auto-response-suppress", "").lower()
    if any(word in suppressed for word in ("all", "autoreply")):
        return "it wants no automatic answer"
    if headers.get("content-type", "").lower().startswith("multipart/report"):
        return "it is a report"
    if _SUBJECTS.match(mail.subject):
        return "a program sent it"
    local = mail.sender.split("@")[0]
    if local in _ROBOTS or local.startswith(("bounce+", "bounces+", "bounce-", "bounces-", "prvs=")):
        return "a program sent it"
    return ""
