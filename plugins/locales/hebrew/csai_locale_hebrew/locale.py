"""Hebrew as csai knows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from csai_sdk import Locale, share_of_script

from csai_locale_hebrew.address import read_address, read_postal_code
from csai_locale_hebrew.amount import read_amount
from csai_locale_hebrew.date import read_date
from csai_locale_hebrew.label import LABELS
from csai_locale_hebrew.phone import read_phone

LETTERS = "\u05d0-\u05ea\ufb1d\ufb20-\ufb4f"
# Ligatures with which Yiddish is written, and Hebrew is not.
_YIDDISH = re.compile("[\u05f0-\u05f2\ufb1f]")

PROMPT = """\
The visitor writes in Hebrew. Answer in Hebrew, also where passages, tool results and the visitor's words
hold English:
- כתבו עברית פשוטה, טבעית ומנומסת, בלי תרגום מילולי מאנגלית.
- פנו אל המבקר בלשון שאינה מניחה מין: ברבים ("תוכלו", "שלחו"), או בניסוח סתמי ("אפשר", "כדאי"), אלא
  אם המבקר כתב על עצמו במין מסוים.
- סכומים בשקלים: 1,234.50 ₪. מספרים: פסיק לאלפים, נקודה עשרונית. תאריכים: 26.11.2026 או 26 בנובמבר
  2026. שעות: 14:30.
- טלפון: 050-123-4567. כתובת: הרצל 5/3, תל אביב 6120101.
- שמות מוצרים, קודים, מספרי הזמנה, כתובות דוא"ל וקישורים נשארים כפי שהם, באותיות לטיניות.
- עברו לאנגלית רק כשהמבקר עובר אליה."""


class Hebrew(Locale):
    """Hebrew, with what is usual in Israel."""

    code = "he"
    direction = "rtl"

    def matches(self, text: str) -> float:
        return 0.0 if _YIDDISH.search(text) else share_of_script(text, LETTERS)

    def prompt_fragment(self) -> str:
        return PROMPT

    def labels(self) -> Mapping[str, str]:
        return LABELS

    def forms(self) -> Mapping[str, Callable[[str], str]]:
        return {
            "phone-IL": read_phone,
            "postal-code-IL": read_postal_code,
            "address-IL": read_address,
            "date-IL": read_date,
            "amount-ILS": read_amount,
        }
