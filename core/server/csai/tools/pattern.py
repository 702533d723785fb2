r"""Regular expressions of JSON Schemas: ECMA-262 patterns, run by an engine that can be stopped.

A pattern is read by the rules of ECMA-262 with the `u` flag and written anew for the `regex` package, every
character that is not syntax escaped, so that neither Python's own syntax (`\Z`, `(?i)`, possessive
quantifiers) nor that package's (fuzzy matching, set operations) can come through. Three habits that work
without the flag are taken too: an escaped punctuation mark stands for itself, so does a lone `{`, `}` or
`]`, and so does the dash of `[\w-.]`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NoReturn

import regex

MAX_LENGTH = 2_000
MAX_WEIGHT = 10_000
"""Compiling writes out the least repetitions: `((a{999}){999}){999}` alone would fill the memory."""

_DIGIT = "0-9"
_NOT_DIGIT = r"\x00-/:-\U0010ffff"
_WORD = "0-9A-Z_a-z"
_NOT_WORD = r"\x00-/:-@\[-\^`\{-\U0010ffff"
_SPACE = r"\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_NOT_SPACE = (
    r"\x00-\x08\x0e-\x1f!-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e"
    r"\u2060-\u2fff\u3001-\ufefe\uff00-\U0010ffff"
)
_SETS = {"d": _DIGIT, "D": _NOT_DIGIT, "w": _WORD, "W": _NOT_WORD, "s": _SPACE, "S": _NOT_SPACE}
_CONTROLS = {"t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}
_BEFORE, _AFTER = f"(?<=[{_WORD}])", f"(?=[{_WORD}])"
_NOT_BEFORE, _NOT_AFTER = f"(?<![{_WORD}])", f"(?![{_WORD}])"
_BOUNDARY = f"(?:{_BEFORE}{_NOT_AFTER}|{_NOT_BEFORE}{_AFTER})"
_NOT_BOUNDARY = f"(?:{_BEFORE}{_AFTER}|{_NOT_BEFORE}{_NOT_AFTER})"

_PROPERTY = regex.compile(r"\{[A-Za-z0-9_]+(?:=[A-Za-z0-9_]+)?\}")
_BRACES = regex.compile(r"\{([0-9]{1,9})(?:(,)([0-9]{1,9})?)?\}")
_GROUP = regex.compile(r"\(\?(?::|=|!|<=|<!|<([A-Za-z_]\w*)>)")
_NAME = regex.compile(r"<([A-Za-z_]\w*)>")
_HEX = regex.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,6})\}")
_NUMBER = regex.compile(r"\\([0-9]{1,3})")
_LOW_SURROGATE = regex.compile(r"\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})")


class InvalidPattern(ValueError):
    """The text is no ECMA-262 regular expression, or a larger one than is taken."""


@lru_cache(maxsize=2048)
def compile_pattern(pattern: str) -> regex.Pattern[str]:
    """The pattern, ready for `search(text, timeout=seconds)`. Raises `InvalidPattern`."""
    translated = _Translation(pattern).text()
    try:
        return regex.compile(translated)
    except (regex.error, RecursionError, OverflowError) as error:
        raise InvalidPattern(f"the pattern cannot be compiled: {error}") from error


class _Translation:
    """One pass over a pattern. `_weights` holds what each open group has so far, the pattern first."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > MAX_LENGTH:
            raise InvalidPattern(f"a pattern may have {MAX_LENGTH} characters, this one has {len(pattern)}")
        self._pattern = pattern
        self._at = 0
        self._weights = [0]
        self._last_weight = 0
        self._group_count = 0
        self._names: set[str] = set()

    def text(self) -> str:
        parts: list[str] = []
        can_repeat = False
        while self._at < len(self._pattern):
            quantifier = self._quantifier()
            if quantifier:
                if not can_repeat:
                    self._refuse("nothing to repeat")
                parts.append(quantifier)
                can_repeat = False
                continue
            char = self._pattern[self._at]
            can_repeat = char not in "(|^"
            parts.append(self._atom(char))
        if len(self._weights) > 1:
            self._refuse("a group is not closed")
        return "".join(parts)

    def _quantifier(self) -> str:
        char = self._pattern[self._at]
        least = 0
        if char in "*+?":
            quantifier = char
        elif match := _BRACES.match(self._pattern, self._at):
            quantifier = match[0]
            least = int(match[1])
            if match[3] and int(match[3]) < least:
                self._refuse("the numbers of a repetition are out of order")
        else:
            return ""
        self._at += len(quantifier)
        if self._pattern.startswith("?", self._at):
            self._at += 1
            quantifier += "?"
        self._weigh(self._last_weight * max(least - 1, 0))
        return quantifier

    def _weigh(self, weight: int) -> None:
        self._weights[-1] += weight
        if self._weights[-1] > MAX_WEIGHT:
            self._refuse(f"its repetitions come to more than {MAX_WEIGHT} characters")

    def _atom(self, char: str) -> str:
        if char == "(":
            return self._open()
        if char == ")":
            return self._close()
        if char == "|":
            self._at += 1
            return "|"
        self._last_weight = 1
        self._weigh(1)
        if char == "[":
            return self._set()
        if char == "\\":
            return self._escape()
        self._at += 1
        if char == ".":
            return r"[^\n\r\u2028\u2029]"
        return {"^": "^", "$": r"\Z"}.get(char) or regex.escape(char, special_only=False)

    def _open(self) -> str:
        self._weights.append(0)
        if not self._pattern.startswith("(?", self._at):
            self._at += 1
            self._group_count += 1
            return "("
        match = _GROUP.match(self._pattern, self._at)
        if match is None:
            self._refuse("'(?' begins no group of ECMA-262")
        self._at = match.end()
        if match[1] is None:
            return match[0]
        if match[1] in self._names:
            self._refuse("two groups have the same name")
        self._names.add(match[1])
        self._group_count += 1
        return f"(?P<{match[1]}>"

    def _close(self) -> str:
        if len(self._weights) == 1:
            self._refuse("')' closes no group")
        self._at += 1
        self._last_weight = self._weights.pop()
        self._weigh(self._last_weight)
        return ")"

    def _escape(self) -> str:
        """An escape outside a set."""
        char = self._pattern[self._at + 1 : self._at + 2]
        if char in _SETS:
            self._at += 2
            return f"[{_SETS[char]}]"
        if char in ("b", "B"):
            self._at += 2
            return _BOUNDARY if char == "b" else _NOT_BOUNDARY
        if char in ("p", "P"):
            return self._property()
        if char == "k":
            return self._named_reference()
        if char in "123456789" and char:
            return self._numbered_reference()
        return regex.escape(self._character(), special_only=False)

    def _numbered_reference(self) -> str:
        match = _NUMBER.match(self._pattern, self._at)
        number = int(match[1]) if match else 0
        if number > self._group_count:
            self._refuse(f"there is no group {number} before its reference")
        self._at += 1 + len(str(number))
        # In ECMA-262 a group that took no part matches the empty string.
        return f"(?({number})\\{number}|)"

    def _named_reference(self) -> str:
        match = _NAME.match(self._pattern, self._at + 2)
        if match is None:
            self._refuse(r"'\k' names no group")
        self._at = match.end()
        return f"(?({match[1]})(?P={match[1]})|)"

    def _property(self) -> str:
        match = _PROPERTY.match(self._pattern, self._at + 2)
        if match is None:
            self._refuse(r"'\p' names no Unicode property")
        escape = self._pattern[self._at : self._at + 2]
        self._at = match.end()
        return escape + match[0]

    def _character(self) -> str:
        """The one character that the escape at hand stands for."""
        start = self._at + 1
        char = self._pattern[start : start + 1]
        self._at = start + 1
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char == "0" and not self._pattern[self._at : self._at + 1].isdigit():
            return "\0"
        if char == "c" and (letter := self._pattern[self._at : self._at + 1]).isascii() and letter.isalpha():
            self._at += 1
            return chr(ord(letter) % 32)
        if match := _HEX.match(self._pattern, start):
            self._at = match.end()
            return self._code_point(int(match[1] or match[2] or match[3], 16), is_long=match[3] is not None)
        if not char or char.isalnum():
            self._refuse(f"'\\{char}' is no escape of ECMA-262")
        return char

    def _code_point(self, value: int, *, is_long: bool) -> str:
        if value > 0x10FFFF:
            self._refuse("a code point is beyond 10FFFF")
        is_high = 0xD800 <= value <= 0xDBFF and not is_long
        if is_high and (low := _LOW_SURROGATE.match(self._pattern, self._at)):
            self._at = low.end()
            value = 0x10000 + ((value - 0xD800) << 10) + (int(low[1], 16) - 0xDC00)
        return chr(value)

    def _set(self) -> str:
        self._at += 1
        is_negated = self._pattern.startswith("^", self._at)
        self._at += is_negated
        members: list[str] = []
        while not self._pattern.startswith("]", self._at):
            members.append(self._member())
        self._at += 1
        if not members:
            return r"[\x00-\U0010ffff]" if is_negated else "(?!)"
        return f"[{'^' if is_negated else ''}{''.join(members)}]"

    def _member(self) -> str:
        first = self._set_atom()
        is_range = self._pattern.startswith("-", self._at) and not self._pattern.startswith("-]", self._at)
        if not is_range:
            return _literal(first) if isinstance(first, str) else first.text
        self._at += 1
        last = self._set_atom()
        if isinstance(first, str) and isinstance(last, str):
            if last < first:
                self._refuse("a range is out of order")
            return f"{_literal(first)}-{_literal(last)}"
        return "".join(_literal(each) if isinstance(each, str) else each.text for each in (first, "-", last))

    def _set_atom(self) -> str | _Several:
        char = self._pattern[self._at : self._at + 1]
        if not char:
            self._refuse("a set is not closed")
        if char != "\\":
            self._at += 1
            return char
        escaped = self._pattern[self._at + 1 : self._at + 2]
        if escaped in ("p", "P"):
            return _Several(self._property())
        if escaped == "b" or escaped in _SETS:
            self._at += 2
            return "\b" if escaped == "b" else _Several(_SETS[escaped])
        return self._character()

    def _refuse(self, why: str) -> NoReturn:
        raise InvalidPattern(f"{why} (at character {self._at + 1})")


class _Several:
    """A member of a set that stands for more than one character."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def _literal(char: str) -> str:
    return f"\\U{ord(char):08x}"
