"""What looks like a secret, and what is shown in its place: the rule of log and audit.

A last net below the rule that none is ever written to either. Texts may be long and made by
others: whatever they hold, the work grows with their length alone.
"""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "[hidden]"

_SECRET_NAME = re.compile(
    r"""passw(?:or)?d|passphrase|(?<![a-z])pwd|secret|token(?!_name)|credential|authorization
    |cookie|(?:api|access|private)_?key""",
    re.VERBOSE | re.IGNORECASE,
)
_URL_USER = re.compile(
    r"://[^:/@\s]*:(?!\d{1,5}[/?#])"  # not the port of a web address, whose path has an @
)
_URL_END = re.compile(r"""[\s"'<>]""")
_SCHEME = r"(?:bearer|token|basic|apikey|negotiate|ntlm)\s+"
_WORD = (
    # Up to the quote that ends it, or the backslashes before that in a text within a text.
    r"""(?!\[hidden\])(?:[^\s"',;)}\]\\]++|\\++(?!["']))+"""
)
_QUOTE = r"""\\{0,15}["']"""  # with the backslashes of a text within texts
_QUOTED = r"""(?!(?P=quote)|\[hidden\])[^\r\n]+?(?<!\\)(?=(?P=quote)|[\r\n]|\Z)"""  # or cut off
_ASSIGNED = re.compile(
    rf"""((?:passw(?:or)?d|passphrase|(?<![a-z])pwd(?==(?!/))|token|credentials?
          |secret(?:_?(?:access_?)?key)?|(?:api|access|private)_?key)
         (?:=|{_QUOTE}\s{{0,9}}:\s{{0,9}}))
    (?:((?P<quote>{_QUOTE})){_QUOTED}|((?:{_QUOTE})?){_WORD})""",
    re.VERBOSE | re.IGNORECASE,
)
_ASSIGNED_WORDS = ("pass", "secret", "token", "key", "pwd", "credential")
_COOKIE = re.compile(
    rf"""(cookie(?:{_QUOTE})?\s{{0,9}}[:,=]\s{{0,9}}b?)
    (?:((?P<quote>{_QUOTE}))(?=[^\s=;"']{{1,99}}=){_QUOTED}|()(?=[^\s=;"']{{1,99}}=)[^\r\n]+)""",
    re.VERBOSE | re.IGNORECASE,
)
_AUTHORIZATION = re.compile(
    rf"""(authorization(?:[\\"']+\s{{0,9}}[:,=]|\s{{0,9}}[:=])\s{{0,9}}+(?:b?[\\"']+)?+)
    (?:
      ({_SCHEME}){_WORD}
      |(?:digest|signature|hawk|oauth|aws4-hmac-sha256)[ \t][^\r\n]*
      |(?!{_SCHEME}\[hidden\]){_WORD}(?:[ \t]+{_WORD})?  # an unknown scheme, or none
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_BEARER = re.compile(
    # Long, with a digit: no word of a sentence.
    r"\b((?:bearer|token)\s+)(?=[^\s\d]*\d)[a-z0-9][a-z0-9._~+/=-]{19,}",
    re.IGNORECASE,
)
_WEBHOOK = re.compile(
    # By the path, as errors of HTTP libraries tell it without the host.
    r"""(/(?:
      services/T[A-Z0-9]+/B[A-Z0-9]+/  # Slack
      |/hooks\.slack(?:-gov)?\.com/(?:triggers|workflows)/
      |api/(?:v\d{1,2}/)?webhooks/\d+/  # Discord
      |open-apis/bot/(?:v2/)?hook/  # Feishu, Lark
      |(?:webhookb2|/outlook\.office(?:365)?\.com/webhook)/  # Teams
      |(?:file/)?bot(?=\d+:)  # Telegram
    ))(?!\[hidden\])[^\s"'<>)\]},;\\]+""",
    re.VERBOSE,
)
_QUERY = re.compile(r"""([?&](?:key|sig|sign|signature)=)(?!\[hidden\])[^&#\s"'<>)\]},;\\]+""")
_CHANNEL = re.compile(
    # Addresses of alert channels, in which the place of the host may be a secret.
    r"""\b((?:slack|discord|feishu|lark|dingtalk|wecombot|workflows|msteams|tgram)://)(?!…)[^\s"'<>]+"""
)
_API_TOKEN = re.compile(r"schedcore_[A-Za-z0-9_-]{40,}")


def masked(value: Any, name: str = "") -> Any:
    """The value, without what stands in it under names of secrets, in URLs or as a token.

    `name` is its own. Only mappings, lists, tuples and texts are looked into.
    """
    if name and _SECRET_NAME.search(name) and value not in (None, ""):
        return HIDDEN
    if isinstance(value, dict):
        return {key: masked(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked(inner) for inner in value]
    return without_secrets(value) if isinstance(value, str) else value


def without_secrets(text: str) -> str:
    """The text without API tokens, passwords and keys in URLs, what the headers `Authorization`
    and `Cookie` hold, and what is written as `password=…`."""
    # Most texts hold nothing of the kind, which is quicker seen than searched for.
    if "schedcore_" in text:
        text = _API_TOKEN.sub(HIDDEN, text)
    if "/" in text:
        text = _WEBHOOK.sub(rf"\1{HIDDEN}", text)
    if "://" in text:
        text = _without_url_passwords(_CHANNEL.sub(rf"\1{HIDDEN}", text))
    has_equals = "=" in text
    if has_equals:
        text = _QUERY.sub(rf"\1{HIDDEN}", text)
    lowered = text.casefold()
    if "author" in lowered:  # what follows may be a dotless i, which counts as an i
        text = _AUTHORIZATION.sub(lambda found: f"{found[1]}{found[2] or ''}{HIDDEN}", text)
    if "bearer" in lowered or "token" in lowered:
        text = _BEARER.sub(rf"\1{HIDDEN}", text)
    if has_equals or ":" in text:
        if any(word in lowered for word in _ASSIGNED_WORDS):
            text = _ASSIGNED.sub(_hide, text)
        if "cookie" in lowered:
            text = _COOKIE.sub(_hide, text)
    return text


def _hide(found: re.Match[str]) -> str:
    """What stands before a value and the quote that opens it, if one does, stay."""
    return f"{found[1]}{found[2] or found[4] or ''}{HIDDEN}"


def _without_url_passwords(text: str) -> str:
    """Up to the last @, as a password may hold one, and a slash, by mistake.

    By hand, as a pattern would look for that @ anew from each `://`.
    """
    parts: list[str] = []
    done = begin = end = last_at = 0
    while found := _URL_USER.search(text, begin):
        start = found.end()
        if start > end or end == 0:
            url_end = _URL_END.search(text, start)
            end = url_end.start() if url_end else len(text)
            last_at = text.rfind("@", start, end)
        if last_at > start:
            parts += [text[done:start], HIDDEN]
            done = begin = last_at
        else:
            begin = found.start() + 1
    return "".join(parts) + text[done:]
