"""The Arabic plugin keeps what the SDK asks of locales."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from csai_testkit.conformance import LocaleSuite


class TestArabic(LocaleSuite):
    plugin = "csai_locale_arabic"
    capabilities = ("all_labels",)
    samples = (
        "أين طلبي من فضلك؟",
        "شكرًا جزيلًا",
        "هل لديكم iPhone 15 Pro Max؟",
        "رقمي ٠٥٠١٢٣٤٥٦٧ أرجو الاتصال",
        "أرجو إرسالها إلى پاريس",
    )
    others = ("What does سلام mean in English?", "קיבלתי הודעה: شكرا, מה זה אומר?", "کتاب‌های من کجا هستند؟")
    forms: ClassVar[Mapping[str, Sequence[tuple[str, str]]]] = {
        "phone-SA": (("٠٥٠ ١٢٣ ٤٥٦٧", "+966501234567"), ("+966 11 234 5678", "+966112345678")),
        "phone-AE": (("050-123-4567", "+971501234567"), ("971 4 123 4567", "+97141234567")),
        "phone-EG": (("010 1234 5678", "+201012345678"), ("0020 2 2345 6789", "+20223456789")),
    }
