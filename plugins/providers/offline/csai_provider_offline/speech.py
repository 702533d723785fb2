"""What the offline assistant says in its own words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from csai_sdk import ToolSpec

from csai_provider_offline.matching import Match, first_sentence
from csai_provider_offline.parameter import Parameter, name_words
from csai_provider_offline.quote import Quote

_SELF = "I'm the offline assistant: no AI model is connected"
INTRODUCTION = (
    f"{_SELF}. I quote this business's own information and use its tools, but I don't understand language "
    "the way an AI does."
)
FALLBACK_INTRODUCTION = (
    f"{_SELF} right now, so I'm standing in. I can quote this business's own information and look things up, "
    "but I don't understand language the way an AI does, and I change nothing."
)
WELCOME = "You're welcome! Is there anything else I can look up for you?"
GOODBYE = "Goodbye, and thank you for your visit!"
LEFT_ALONE = "All right, I've left it at that. What else can I do for you?"
NO_HUMAN = (
    "I can't connect you to a person from here myself. If this chat shows a way to reach the team, "
    "please use it."
)
NOT_FOUND = "I could not find anything about that in the information I have."
NO_MORE_TOOLS = "I can't use my tools for that right now."
NOT_READ = "I could not read that from your answer."

_GREETING = re.compile(
    r"(?:(?:hi|hello|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day)|hola|bonjour|hallo|ciao|"
    r"שלום|היי|مرحبا|there|everyone|all|again)[\s,.!?؟👋😊]*)+",
    re.IGNORECASE,
)
_THANKS = re.compile(
    r"(?:ok(?:ay)?|great|perfect|super|cool|many)?[\s,!.]*"
    r"(?:thanks?(?: you)?|thx|cheers|תודה|merci|gracias|danke)"
    r"(?:\s+(?:a lot|so much|very much|again|for (?:your|the) help|רבה))*[\s,.!😊🙏]*",
    re.IGNORECASE,
)
_BYE = re.compile(
    r"(?:(?:ok(?:ay)?|thanks?(?: you)?)[\s,.!]*)*"
    r"(?:(?:good)?\s?bye(?:[ -]bye)?|see you(?: later| soon)?|להתראות)[\s.!]*",
    re.IGNORECASE,
)
_WHO = re.compile(
    r"\b(?:who|what) (?:exactly )?(?:are|r) (?:you|u)\b|\bwhat(?:'s| is) your name\b|"
    r"\b(?:are|r) (?:you|u) (?:really )?(?:an? )?(?:real )?(?:\w+ )?(?:ai|a\.i\.|bot|robot|human|person|"
    r"machine|chat\s?gpt|gpt|claude|llama|gemini|llm|language model|real)\b|"
    r"\b(?:which|what) (?:ai|llm|(?:language )?model)\b(?! (?:number|do you (?:have|sell)))|"
    r"מי אתה|מי את\b|אתה (?:רובוט|בוט|אנושי)",
    re.IGNORECASE,
)
_ABILITY = re.compile(
    r"\bwhat (?:else )?(?:can|do) (?:you|u) (?:do|help|offer)|\bhow can you help\b|^\s*help(?: me)?[\s!.?]*$|"
    r"\bwhat are (?:you able|your (?:tools|abilities|options))",
    re.IGNORECASE,
)
_HUMAN = re.compile(
    r"\b(?:human|real person|live (?:agent|person)|representative|(?:talk|speak|chat) (?:to|with) "
    r"(?:a |an |the |some)?(?:one|person|agent|team|manager|staff|somebody|someone))\b",
    re.IGNORECASE,
)
_STOP = re.compile(
    r"\s*(?:no|nope|never ?mind|forget (?:it|that|about it)|cancel(?: that| it)?|stop|leave it|not now|"
    r"לא|עזוב)(?:\s*,?\s*(?:thanks|thank you|please))?[\s.!]*",
    re.IGNORECASE,
)


def is_greeting(text: str) -> bool:
    return _GREETING.fullmatch(text.strip()) is not None


def is_thanks(text: str) -> bool:
    return _THANKS.fullmatch(text.strip()) is not None


def is_goodbye(text: str) -> bool:
    return _BYE.fullmatch(text.strip()) is not None


def asks_who(text: str) -> bool:
    return _WHO.search(text) is not None


def asks_for_abilities(text: str) -> bool:
    return _ABILITY.search(text) is not None


def asks_for_a_person(text: str) -> bool:
    return _HUMAN.search(text) is not None


def takes_it_back(text: str) -> bool:
    return _STOP.fullmatch(text) is not None


def has_introduced_itself(texts: Sequence[str]) -> bool:
    return any(_SELF in text for text in texts)


def introduction(*, is_fallback: bool) -> str:
    return FALLBACK_INTRODUCTION if is_fallback else INTRODUCTION


def abilities(tools: Sequence[ToolSpec], *, has_knowledge: bool = True) -> str:
    """What the visitor may ask for, in the tools' own descriptions."""
    lines = [f"- {purpose(tool)}" for tool in tools[:12]]
    if has_knowledge:
        lines.append("- quote this business's information, if you ask with the words you would search for")
    return "I can:\n" + "\n".join(lines)


def purpose(tool: ToolSpec) -> str:
    sentence = first_sentence(tool.description).rstrip(".!") or " ".join(name_words(tool.name))
    starts_with_name = sentence[1:2].isupper()
    return sentence if starts_with_name else sentence[:1].lower() + sentence[1:]


def question_for(match: Match) -> str:
    """Asks for what a tool still needs."""
    wanted = [_wanted(parameter) for parameter in match.missing]
    can = re.split(r"\s*[:;(–]|, (?:and|with|which)\b", purpose(match.tool), maxsplit=1)[0]
    opening = "I can help with that." if _NO_VERB.match(can) else f"I can {can}."
    listed = wanted[0] if len(wanted) == 1 else f"{', '.join(wanted[:-1])} and {wanted[-1]}"
    return f"{opening} Please tell me {listed}."


def _wanted(parameter: Parameter) -> str:
    label = {"person": "your name", "email": "your email address", "phone": "your phone number"}.get(
        parameter.kind, f"the {parameter.label}"
    )
    if parameter.kind == "person" and parameter.label.split()[0] in ("first", "last", "family"):
        label = f"your {parameter.label}"
    options = parameter.schema.get("enum")
    if parameter.kind == "choice" and isinstance(options, list):
        return f"{label} ({' or '.join(str(option) for option in options[:8])})"
    is_known = parameter.kind in ("person", "email", "phone")
    example = _EXAMPLES.get(parameter.kind) or (parameter.examples[0] if parameter.examples else "")
    example = "" if is_known else example
    return f"{label} (for example {example})" if example else label


_NO_VERB = re.compile(r"(?:an?|the|this|use|tool|for|with|my|our)\b|\w+(?:s|ing)\b", re.IGNORECASE)
_EXAMPLES = {"time": "14:30", "date": "tomorrow, or 24 May"}


def cannot(action: str) -> str:
    return f"I have no tool to {action} anything, so nothing was changed. What I can do is look it up."


def quoted(quotes: Sequence[Quote]) -> str:
    parts = []
    for quote in quotes:
        source = f"From “{quote.title}”:" if quote.title else "From the information I have:"
        parts.append(f"{source}\n“{quote.text}”")
    return "\n\n".join(parts)
