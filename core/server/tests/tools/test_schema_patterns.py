"""Patterns match as ECMA 262 says, or are refused."""

from __future__ import annotations

import pytest
from csai.tools.pattern import InvalidPattern, compile_pattern


class TestPatterns:
    @pytest.mark.parametrize(
        ("pattern", "text"),
        [
            (r"^\d{3}-\d{4}$", "555-1234"),
            (r"^[\w.+-]+@[\w-.]+\.[a-z]{2,}$", "a.b@c-d.example"),
            (r"^\p{Lu}\P{L}$", "É1"),
            (r"[^\D\s]", "5"),
            (r"^(?<year>\d)\k<year>(a)?\2$", "11"),
            (r"\bfoo\b", "a foo!"),
            (r"\Boo\B", "foot"),
            (r"^\ud83d\ude00$", "\N{GRINNING FACE}"),
            (r"^[\u{1F600}-\u{1F64F}]$", "\N{GRINNING FACE}"),
            (r"^\cJ\x41\u0042\0$", "\nAB\0"),
            ("a{,5}", "a{,5}"),
            ("[[:alpha:]]", "a:]"),
            ("[a&&b]", "&"),
            ("a[^]b", "a\nb"),
            ("^a{e<=1}$", "a{e<=1}"),
            (r"^\/x\"$", '/x"'),
            ("(?<=a)b(?!c)(?=d)", "abd"),
            ("^(?:a|b){2,3}?$", "ab"),
            ("# x", "# x"),
        ],
    )
    def test_a_pattern_matches_as_in_ecma_262(self, pattern: str, text: str) -> None:
        assert compile_pattern(pattern).search(text)

    @pytest.mark.parametrize(
        ("pattern", "text"),
        [
            ("^a$", "a\n"),
            (r"^\d$", "\u0661"),
            (r"^\w$", "é"),
            (r"foo\b", "foobar"),
            ("^.$", "\u2028"),
            ("a[]b", "ab"),
            ("^(cat){e}$", "car"),
            (r"^\p{L}$", "1"),
        ],
    )
    def test_a_pattern_does_not_match_what_only_python_matches(self, pattern: str, text: str) -> None:
        assert not compile_pattern(pattern).search(text)

    @pytest.mark.parametrize(
        "pattern",
        [
            "(",
            ")",
            "a**",
            "a++",
            "*a",
            "a|*",
            "(?i)a",
            "(?P<a>b)",
            r"\Z",
            r"\A",
            r"\a",
            "[a",
            "[z-a]",
            "a{2,1}",
            r"\p{Nope}",
            r"\p{L",
            "\\",
            r"\2(a)",
            r"\k<x>",
            r"\k",
            r"\u{110000}",
            r"\x4",
            "(?<a>x)(?<a>y)",
            "(" * 600 + ")" * 600,
            "x" * 3_000,
            "a{10001}",
            "((a{999}){999}){999}",
            "(a{5000}|b{5001})",
        ],
    )
    def test_what_is_no_pattern_or_too_large_is_refused(self, pattern: str) -> None:
        with pytest.raises(InvalidPattern):
            compile_pattern(pattern)
