"""Arabic as csai knows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

from csai_sdk import Locale, share_of_script

from csai_locale_arabic.label import LABELS
from csai_locale_arabic.phone import COUNTRIES, read_phone

LETTERS = "\u0621-\u064a\u0671-\u06d3\ufb50-\ufdfb\ufe70-\ufefc"
# Letters of Persian, Urdu and their neighbours. A name may bring one into Arabic, where it stays rare: one in
# fifteen or fewer.
_NEIGHBOURS = re.compile("[\u067e\u0686\u0698\u06a9\u06af\u06cc\u0679\u0688\u0691\u06ba\u06be\u06d2]")
_RARE = 15

PROMPT = """\
The visitor writes in Arabic. Answer in Arabic, also where passages, tool results and the visitor's words
hold English:
- اكتب بعربية فصيحة بسيطة ومهذبة، مفهومة في كل البلدان العربية.
- خاطب الزائر بصيغة لا تفترض جنسه، مثل «يمكنكم» و«يرجى».
- اكتب الأرقام والمبالغ والتواريخ بأرقام واضحة، مع ذكر العملة: 1,234.50 ر.س، 26/11/2026، 14:30. إذا
  كتب الزائر بالأرقام ٠١٢٣٤٥٦٧٨٩ فاستعملها.
- أبقِ أسماء المنتجات والرموز وأرقام الطلبات والروابط والبريد الإلكتروني كما هي.
- لا تنتقل إلى الإنجليزية إلا إذا انتقل إليها الزائر."""


class Arabic(Locale):
    """Arabic, as it is written everywhere."""

    code = "ar"
    direction = "rtl"

    def matches(self, text: str) -> float:
        share = share_of_script(text, LETTERS)
        is_neighbour = share and len(_NEIGHBOURS.findall(text)) * _RARE > sum(map(str.isalpha, text))
        return share * 0.4 if is_neighbour else share

    def prompt_fragment(self) -> str:
        return PROMPT

    def labels(self) -> Mapping[str, str]:
        return LABELS

    def forms(self) -> Mapping[str, Callable[[str], str]]:
        return {f"phone-{country}": partial(read_phone, country=country) for country in COUNTRIES}
