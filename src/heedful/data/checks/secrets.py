"""Likely secrets in a text, by kind; documented examples and placeholders do not count.

The forms are those that the services publish for secret scanning (docs.github.com/code-security/secret-scanning,
docs.aws.amazon.com/IAM "unique identifiers", api.slack.com/authentication/token-types, RFC 7519, RFC 7468).
"""

from __future__ import annotations

import math
import re
from collections import Counter

# One of these stands in every token that is looked for; a text without any is not searched.
_SIGNS = ("AKIA", "ASIA", "gh", "xox", "sk", "hf_", "AIza", "glpat-", "rk_live_", "npm_", "pypi-", "hooks.slack")
_TOKENS = re.compile(
    r"(?<![A-Za-z0-9_/+-])(?:"
    r"(?:AKIA|ASIA)[A-Z2-7]{16}"
    r"|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,}"
    r"|xox[abeprs]-[A-Za-z0-9-]{24,}"
    r"|sk-(?:proj-|svcacct-|admin-|ant-[a-z]+\d\d-|or-v1-)?[A-Za-z0-9_-]{32,}"
    r"|[sr]k_live_[A-Za-z0-9]{20,}"
    r"|hf_[A-Za-z]{34}"
    r"|AIza[A-Za-z0-9_-]{35}"
    r"|glpat-[A-Za-z0-9_-]{20,}"
    r"|npm_[A-Za-z0-9]{36}|pypi-AgEI[A-Za-z0-9_-]{50,}"
    r"|(?:https://)?hooks\.slack\.com/services/T[A-Z0-9]{7,}/B[A-Z0-9]{7,}/[A-Za-z0-9]{20,}"
    r")(?![A-Za-z0-9_/+-])"
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\s|\\n|[A-Za-z-]+: [^\n]*\n)*[A-Za-z0-9+/=\s\\]{64}"
)
_JWT = re.compile(r"(?<![\w-])eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.([A-Za-z0-9_-]{20,})(?![\w-])")
_MADE_UP_JWT = "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"  # the one on jwt.io
_WORDS = ("passw", "pwd", "secret", "api_key", "apikey", "api-key", "token", "パスワード", "passwort", "contraseña")
_ASSIGNED = re.compile(
    r"(?:password|passwd|passphrase|pwd|passwort|contraseña|mot de passe|パスワード|secret|secret[_-]?key|api[_-]?key|"
    r"access[_-]?(?:key|token)|auth[_-]?token|client[_-]?secret|token)"
    r"[\"']?\s*(?::|=|：|:=|=>|\bis\b)\s*[\"'`]?([^\s\"'`<>{}\[\]$%,;()=\\]{8,128})(?![({\[])",
    re.IGNORECASE,
)
_IN_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]{2,20}://[^\s:/@]{1,64}:([^\s:/@]{6,64})@[\w.-]+")
_PLACEHOLDER = re.compile(
    r"your|example|sample|placeholder|changeme|change_me|dummy|fake|redacted|test|demo|xxx|\*\*\*|\.\.\.|•••|passw|"
    r"secret|token|hunter2|foobar|abc123|12345|qwerty|p@ss|insert|todo|none|null|my_|_here",
    re.IGNORECASE,
)


def secret_kinds(text: str, lower: str) -> set[str]:
    """The kinds of likely secrets in a text; `lower` is the text in small letters."""
    kinds: set[str] = set()
    if any(sign in text for sign in _SIGNS) and any(_random(m.group()) for m in _TOKENS.finditer(text)):
        kinds.add("secret_token")
    if "PRIVATE KEY" in text and _PRIVATE_KEY.search(text):
        kinds.add("secret_private_key")
    if "eyJ" in text and any(m.group(1) != _MADE_UP_JWT for m in _JWT.finditer(text)):
        kinds.add("secret_jwt")
    found = [m.group(1) for m in _ASSIGNED.finditer(text)] if any(w in lower for w in _WORDS) else []
    found += [m.group(1) for m in _IN_ADDRESS.finditer(text)] if "://" in text and "@" in text else []
    if any(map(_password, found)):
        kinds.add("secret_password")
    return kinds


def _random(token: str) -> bool:
    """Not a placeholder: no EXAMPLE in it, no long run of one character, and enough different ones."""
    low = token.lower()
    if "example" in low or "your" in low or "xxxx" in low or "1234567890" in low:
        return False
    return len(set(token)) >= 12 and not re.search(r"(.)\1{4}", token)


def _password(value: str) -> bool:
    """Letters and digits (or signs) mixed, no word that stands for a password, and a high entropy."""
    value = value.rstrip(".,!?。")
    if len(value) < 6 or not value.isascii() or _PLACEHOLDER.search(value) or "://" in value:
        return False
    if not (any(c.isalpha() for c in value) and any(c.isdigit() for c in value)):
        return False
    counts = Counter(value)
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    return entropy >= 2.25
