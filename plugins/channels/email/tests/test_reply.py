"""Of a mail only what its sender newly wrote is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from csai_channel_email.html import text_of_html
from csai_channel_email.reply import new_text
from csai_testkit.growth import assert_grows_with_length

VECTORS = Path(__file__).resolve().parents[4].parent / "shared" / "vectors" / "email"

HEBREW_INTRODUCTION = (
    "\u05d1\u05ea\u05d0\u05e8\u05d9\u05da \u05d9\u05d5\u05dd \u05d2\u05f3, "
    "3 \u05d1\u05e0\u05d5\u05d1\u05f3 2026 \u05d1-10:00 "
    "\u05de\u05d0\u05ea \u202aThe Shop\u202c\u200f <\u202ahelp@shop.example\u202c\u200f>:"
)
HEBREW_HEAD = (
    "\u05de\u05d0\u05ea: The Shop\n\u05e0\u05e9\u05dc\u05d7: 3.11.2026\n"
    "\u05d0\u05dc: Ann\n\u05e0\u05d5\u05e9\u05d0: order"
)
QUOTED = "> Your order is on its way.\n> It arrives on Friday.\n"


@pytest.mark.parametrize(
    "introduction",
    [
        "On Tue, 3 Nov 2026 at 10:00, The Shop <help@shop.example> wrote:",
        "On 3 Nov 2026, at 10:00, The Shop\n<help@shop.example> wrote:",
        "Am 03.11.2026 um 10:00 schrieb The Shop <help@shop.example>:",
        "Am Di., 3. Nov. 2026 um 10:00 Uhr schrieb The Shop <\nhelp@shop.example>:",
        "Le mar. 3 nov. 2026 \u00e0 10:00, The Shop <help@shop.example> a \u00e9crit :",
        "El mar, 3 nov 2026 a las 10:00, The Shop (<help@shop.example>) escribi\u00f3:",
        "Il giorno mar 3 nov 2026 alle ore 10:00 The Shop <help@shop.example> ha scritto:",
        "Em ter., 3 de nov. de 2026 \u00e0s 10:00, The Shop <help@shop.example> escreveu:",
        "Op di 3 nov 2026 om 10:00 schreef The Shop <help@shop.example>:",
        "Den tis 3 nov. 2026 kl 10:00 skrev The Shop <help@shop.example>:",
        HEBREW_INTRODUCTION,
        "2026-11-03 10:00 GMT+02:00 The Shop <help@shop.example>:",
        "ב-3 בנוב׳ 2026, בשעה 10:00, The Shop <help@shop.example> כתב/ה:",
        "\u0432\u0442, 3 \u043d\u043e\u044f\u0431. 2026 \u0433. \u0432 10:00, The Shop <help@shop.example>:",
        "3 Kas 2026 Sal, 10:00 tarihinde The Shop \u015funu yazd\u0131:",
        "\u4e8e2026\u5e7411\u67083\u65e5 10:00\u5199\u9053\uff1a",
    ],
)
def test_what_is_quoted_is_left_out_in_many_languages(introduction: str) -> None:
    assert new_text(f"Where is it?\n\n{introduction}\n\n{QUOTED}") == "Where is it?"


@pytest.mark.parametrize(
    "head",
    [
        "From: The Shop <help@shop.example>\nSent: Tuesday, 3 November 2026 10:00\nTo: Ann\nSubject: Order",
        "Von: The Shop\nGesendet: Dienstag, 3. November 2026\nAn: Ann\nBetreff: Bestellung",
        "________________________________\nFrom: The Shop\nSent: Tuesday\nTo: Ann",
        "-----Original Message-----\nFrom: The Shop\nSent: Tuesday\nTo: Ann",
        HEBREW_HEAD,
        "*From:* The Shop\n*Date:* Tuesday",
    ],
)
def test_an_earlier_mail_with_its_head_is_left_out(head: str) -> None:
    assert new_text(f"Where is it?\n\n{head}\n\nYour order is on its way.\n") == "Where is it?"


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nAnn\n+354 555 0142",
        "Sent from my iPhone",
        "Get Outlook for Android",
        "Von meinem iPhone gesendet",
    ],
)
def test_a_signature_is_left_out(signature: str) -> None:
    assert new_text(f"Where is it?\n\n{signature}\n") == "Where is it?"


def test_answers_between_quoted_lines_are_kept_without_those() -> None:
    text = "On Tue, 3 Nov 2026, The Shop wrote:\n> Blue or red?\nBlue.\n> By post?\nYes, please.\n"
    assert new_text(text) == "Blue.\nYes, please."


@pytest.mark.parametrize(
    "text",
    [
        "- the blue one\n- the red one",
        "From: where does it ship?",
        "On Monday I wrote:\nnothing came back. Where is my parcel?",
        "To: be honest\n\nI want my money back",
        "A list:\n\n--- first ---\nand so on",
        "I want 2 of them:\n\nblue ones",
    ],
)
def test_words_that_only_look_like_quotation_are_kept(text: str) -> None:
    assert new_text(text) == text


def test_a_mail_of_nothing_but_quotation_is_read_whole() -> None:
    assert new_text("> Where is\n> my order?\n") == "Where is\nmy order?"


def test_real_mails_are_cut_to_what_is_new() -> None:
    asked, answered, thanked = (
        new_text((VECTORS / f"email_{number}.txt").read_text(encoding="utf-8")) for number in (1, 2, 3)
    )
    assert asked.startswith("Hi folks\n\nWhat is the best way")
    assert asked.endswith("-Abhishek Kona")
    assert "You can list the keys for the bucket" in answered
    assert "I am currently using the Java HTTP API" not in answered
    assert thanked == "Oh thanks.\n\nHaving the function would be great.\n\n-Abhishek Kona"


@pytest.mark.parametrize(
    "line",
    [
        *("On ", "On 1 ", ">", "On 1\n", "From: a\n", " ", "-", "_", "\n", "On 1 wrote:\n", "1 <"),
        *("den 1 skrev ", "\u05de\u05d0\u05ea 1\n", "> 1:\n", "> On 1 wrote:\n", "1:\n> a\n"),
    ],
)
def test_hostile_text_is_read_in_a_time_that_grows_with_its_length(line: str) -> None:
    # Words of the sender's own at the end: all of it is looked through for answers between what is quoted.
    assert_grows_with_length(lambda text: new_text(f"{text}hello"), line, 20_000)


def test_a_page_is_read_as_its_text_without_what_it_quotes() -> None:
    page = (
        "<html><head><style>p {color: red}</style></head><body><p>Where is <b>my</b>&nbsp;order?</p>"
        "<div>Thanks<br>Ann</div><script>steal()</script>"
        '<div class="gmail_quote"><div>On Tue wrote:</div><blockquote>On its way.</blockquote></div></body>'
    )
    assert text_of_html(page) == "Where is my order?\nThanks\nAnn"


def test_what_outlook_quotes_is_left_out() -> None:
    page = '<p>Where is it?</p><div id="appendonsend"></div><hr><div>From: Shop</div><p>On its way.</p>'
    assert text_of_html(page) == "Where is it?"


@pytest.mark.parametrize(
    "piece",
    [
        "<div>",
        "<b class=gmail_quote>",
        "<blockquote>",
        "<table><tr><td>",
        "<div a=b ",
        '<a b="',
        "</",
        "</a ",
        "<![",
        "<!--",
        "<",
        "&#",
        "<p>a<br>",
        "<script>",
        "<title>",
    ],
)
def test_a_hostile_page_is_read_in_a_time_that_grows_with_its_length(piece: str) -> None:
    assert_grows_with_length(text_of_html, piece, 200_000 // len(piece))


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ('<p title="a > b">Hi</p>', "Hi"),
        ("<p>2 < 3 &amp; 4 &gt; 3</p>", "2 < 3 & 4 > 3"),
        ("Hi<blockquote>a<blockquote>b</blockquote>c</blockquote><p>Bye</p>", "Hi\n\nBye"),
        ("<!-- <p>no</p> --><p>yes</p><!--[if mso]><p>no</p><![endif]-->", "yes"),
        ("<SCRIPT>if (a < b) { '</div>' }</SCRIPT>yes", "yes"),
        ("<p>&#" + "9" * 5_000 + ";</p>", "&#" + "9" * 5_000 + ";"),
    ],
)
def test_a_page_is_read_as_a_reader_sees_it(page: str, text: str) -> None:
    assert re.sub(r"\n+", "\n\n", text_of_html(page)) == text


def test_a_deeply_nested_page_is_read() -> None:
    assert text_of_html("<div>" * 5_000 + "deep" + "</div>" * 5_000) == "deep"
