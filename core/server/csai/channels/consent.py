"""Words by which a visitor decides: to hear no more, to hear again, to have something done."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from csai_sdk.channel import Consent

CONSENT_BATCH = "consent:"

# Only as the whole message. The English ones are those of the carriers (CTIA's guidelines) without "cancel",
# "end" and "quit", which visitors say of orders and calls; a vendor that hears those as well says so itself.
_STOP = (
    "stop|stopall|stop all|unsubscribe|optout|opt out|revoke|stopp|abmelden|abbestellen|arret|desabonner|"
    "desinscrire|parar|baja|darse de baja|descadastrar|cancelar inscricao|disiscrivi|disiscrivimi|afmelden|"
    "avmeld|avregistrera|wypisz|стоп|отписаться|отписка|הסר|הסרה|להסרה|הפסק|עצור|ايقاف|توقف|الغاء الاشتراك|"
    "停止|退订|配信停止|수신거부|stop messages|stop messaging me|stop texting me|"
    "הסר אותי|הסירו אותי|תסירו אותי|להסיר אותי"
)
_START = (
    "start|unstop|subscribe|optin|opt in|anmelden|reprendre|reanudar|alta|iniciar|riprendi|aanmelden|старт|"
    "подписаться|התחל|הרשם|ابدا|اشترك|开始|再開"
)
_HELP = "help|info|hilfe|aide|ayuda|ajuda|aiuto|hulp|hjalp|pomoc|помощь|עזרה|مساعدة|帮助|ヘルプ"
_YES = "yes|y|yes please|ok|okay|confirm|go ahead|ja|ja bitte|oui|si|sim|tak|да|כן|אישור|نعم|是|好|はい|네"
_NO = "no|n|no thanks|nope|do not|dont|nein|non|nao|nee|nej|nie|нет|לא|لا|不|不要|いいえ|아니요"


def _words(alternatives: str) -> frozenset[str]:
    return frozenset(alternatives.split("|"))


_STOPS = _words(_STOP)
_CONSENTS: tuple[tuple[Consent, frozenset[str]], ...] = (("start", _words(_START)), ("help", _words(_HELP)))
_APPROVALS, _REFUSALS = _words(_YES), _words(_NO)
# What a wish to hear no more may be wrapped in; "please help" is a question.
_COURTESY = re.compile(r"^(?:please|pls|נא|בבקשה) | (?:please|pls|בבקשה)$")


def consent_in(text: str) -> Consent | None:
    """What the message wishes, if it is nothing but such a wish."""
    said = _plain(text)
    if _COURTESY.sub("", said) in _STOPS:
        return "stop"
    return next((consent for consent, words in _CONSENTS if said in words), None)


def decision_in(text: str) -> Literal["approve", "decline"] | None:
    """Yes or no, if the message is nothing but that."""
    said = _plain(text)
    if said in _APPROVALS:
        return "approve"
    return "decline" if said in _REFUSALS else None


def _plain(text: str) -> str:
    """In lower case, without accents, marks and emphasis around it."""
    if len(text) > 60:
        return ""
    bare = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    composed = unicodedata.normalize("NFC", bare)
    return " ".join(re.sub(r"[^\w\s]|_", "", composed).casefold().split())
