"""The pictures in docs/images: each is a page, and how it comes to look so. `make screenshots` takes them.

A new one is a function that brings the page there, and a line in `PICTURES`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from csai.locales.language import widget_locale
from csai_locale_arabic.locale import Arabic
from csai_locale_hebrew.locale import Hebrew
from playwright.async_api import Locator, Page, expect

from tests.e2e.fake_server import FakeServer, Script
from tests.e2e.widget_page import delta, embed, tool

Act = Callable[[Page, FakeServer], Awaitable[None]]


@dataclass(frozen=True)
class Picture:
    """`act` is given a page that has gone nowhere yet, and a server whose answers it writes."""

    name: str
    act: Act
    width: int = 432
    height: int = 740
    scheme: Literal["light", "dark"] = "light"
    has_forced_colours: bool = False
    is_phone: bool = False


QUESTION = "Where is my order ORD-1001?"
ANSWER = """\
Your order **ORD-1001** is on its way. It left our house on Tuesday, and comes on **Thursday, 4 June**.

- Blue Kettle, 1.7 l
- Lava Mug, two of them

The parcel's number is `JD01460007`. You can [follow it here](https://shop.example/parcels)."""

HEBREW_QUESTION = "איפה ההזמנה שלי ORD-1001?"
HEBREW_ANSWER = """\
ההזמנה **ORD-1001** יצאה מהמחסן ביום שלישי, ותגיע **ביום חמישי, 4 ביוני**.

- קומקום כחול, 1.7 ליטר
- Lava Mug, שתי יחידות

מספר החבילה הוא `JD01460007`. אפשר [לעקוב אחריה כאן](https://shop.example/parcels)."""

ARABIC_QUESTION = "أين طلبي ORD-1001؟"
ARABIC_ANSWER = """\
طلبكم **ORD-1001** في الطريق. غادر المتجر يوم الثلاثاء، ويصل **يوم الخميس**.

- غلاية زرقاء، 1.7 لتر
- Lava Mug، قطعتان

رقم الطرد هو `JD01460007`. يمكنكم [تتبعه هنا](https://shop.example/parcels)."""

OFFERED = dict.fromkeys(("handoff", "email_follow_up", "feedback", "rating", "transcript"), True)
CANCEL = {
    "id": "turn-1.0.0",
    "title": "Cancel order",
    "details": [{"label": "Order", "value": "ORD-1002"}, {"label": "Refund", "value": "39.90 €"}],
    "expires_at": "2026-06-02T12:00:00+00:00",
}


async def answered(page: Page, server: FakeServer) -> None:
    server.scripts[QUESTION] = Script(
        text=ANSWER,
        events=[
            tool("started", "check_order_status"),
            tool("finished", "check_order_status", success=True),
            delta(ANSWER),
        ],
    )
    await _open(page, server)
    await _ask(page, QUESTION)
    await expect(_last(page).locator(".rich")).to_contain_text("follow it here")


async def looking_up(page: Page, server: FakeServer) -> None:
    server.scripts[QUESTION] = Script(
        events=[
            tool("started", "check_order_status"),
            tool("finished", "check_order_status", success=True),
            tool("started", "track_parcel"),
        ],
        holds_before=4,
    )
    await _open(page, server)
    await _ask(page, QUESTION)
    await expect(_last(page).locator(".tool.running")).to_be_visible()


async def asked_to_confirm(page: Page, server: FakeServer) -> None:
    text = (
        "I can cancel **ORD-1002**: it has not left our house yet. Your money comes back within three days."
    )
    server.scripts["Please cancel ORD-1002"] = Script(
        text=text, events=[("confirm.requested", CANCEL), delta(text)], confirmations=[CANCEL]
    )
    await _open(page, server)
    await _ask(page, "Please cancel ORD-1002")
    await expect(page.get_by_role("button", name="Confirm")).to_be_visible()


async def with_sources(page: Page, server: FakeServer) -> None:
    text = (
        "You can send anything back within **30 days**, as long as it has not been used. We pay the postage "
        "within Iceland; from elsewhere it costs 9 €."
    )
    server.scripts["What is your return policy?"] = Script(
        text=text,
        citations=[
            {"title": "Returns and refunds", "url": "https://shop.example/returns"},
            {"title": "What postage costs", "url": "https://shop.example/postage"},
        ],
    )
    await _open(page, server)
    await _ask(page, "What is your return policy?")
    await expect(_last(page).locator(".sources")).to_be_visible()


async def failed(page: Page, server: FakeServer) -> None:
    server.scripts[QUESTION] = Script(refusals=[(500, "internal", {})])
    await _open(page, server)
    await _ask(page, QUESTION)
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()


async def beginning(page: Page, server: FakeServer) -> None:
    server.config |= {
        "quick_replies": ["Where is my order?", "How do I send something back?", "When are you open?"],
        "notices": {"privacy": {"text": "We keep this for 30 days.", "url": "https://shop.example/privacy"}},
    }
    await _open(page, server)
    await expect(page.get_by_role("button", name="When are you open?")).to_be_visible()


async def asked_to_agree(page: Page, server: FakeServer) -> None:
    server.config["notices"] = {
        "privacy": {"text": "We keep this for 30 days.", "url": "https://shop.example/privacy"},
        "is_consent_required": True,
    }
    await _open(page, server)
    await expect(page.get_by_role("button", name="I agree")).to_be_visible()


async def in_the_menu(page: Page, server: FakeServer) -> None:
    server.config["features"] = OFFERED
    await answered(page, server)
    await page.get_by_role("button", name="More").click()
    await expect(page.get_by_role("button", name="Talk to a person")).to_be_visible()


async def in_the_queue(page: Page, server: FakeServer) -> None:
    await in_the_menu(page, server)
    await page.get_by_role("button", name="Talk to a person").click()
    server.tell("handoff", state="queued", teammate=None)
    server.tell("handoff.queue", position=2)
    await expect(page.get_by_role("textbox", name="Your e-mail address")).to_be_visible()
    await expect(page.locator("csai-widget .banner")).to_be_visible()


async def with_a_teammate(page: Page, server: FakeServer) -> None:
    await in_the_queue(page, server)
    server.tell("handoff", state="teammate", teammate="Dana")
    text = "Hello, I am Dana. I have just called the carrier: it will be with you before noon."
    server.tell("teammate.message", message={"id": "m1", "role": "assistant", "content": text})
    await expect(_last(page)).to_contain_text("Dana")


async def asked_to_rate(page: Page, server: FakeServer) -> None:
    await with_a_teammate(page, server)
    server.tell("conversation.ended")
    await page.get_by_role("radio", name="5 of 5").check(force=True)


async def in_hebrew(page: Page, server: FakeServer) -> None:
    await _in_language(page, server, "he", HEBREW_QUESTION, HEBREW_ANSWER)


async def in_arabic(page: Page, server: FakeServer) -> None:
    await _in_language(page, server, "ar", ARABIC_QUESTION, ARABIC_ANSWER)


async def _in_language(page: Page, server: FakeServer, lang: str, question: str, answer: str) -> None:
    server.locales = {lang: widget_locale([Hebrew(), Arabic()], lang, "")}
    server.scripts[question] = Script(text=answer)
    await _open(page, server, lang=lang)
    await _ask(page, question)
    await expect(_last(page).locator(".rich")).to_contain_text("JD01460007")


async def _open(page: Page, server: FakeServer, *, lang: str = "en") -> None:
    look = "<meta name=color-scheme content='light dark'><meta name=viewport content='width=device-width'>"
    await page.goto(server.page(look + embed(), lang=lang))
    await page.locator("csai-widget .launcher").click()
    await expect(page.get_by_role("dialog")).to_be_visible()


async def _ask(page: Page, question: str) -> None:
    field = page.get_by_role("dialog").get_by_role("textbox")
    await field.fill(question)
    await field.press("Enter")


def _last(page: Page) -> Locator:
    return page.locator("csai-widget .reply").last


PICTURES = (
    Picture("answer", answered),
    Picture("tool", looking_up),
    Picture("confirm", asked_to_confirm),
    Picture("sources", with_sources),
    Picture("error", failed),
    Picture("beginning", beginning),
    Picture("consent", asked_to_agree),
    Picture("menu", in_the_menu),
    Picture("queue", in_the_queue),
    Picture("teammate", with_a_teammate),
    Picture("rating", asked_to_rate),
    Picture("dark", answered, scheme="dark"),
    Picture("hebrew", in_hebrew),
    Picture("arabic", in_arabic),
    Picture("phone", answered, width=390, height=844, is_phone=True),
    Picture("contrast", answered, has_forced_colours=True),
)
