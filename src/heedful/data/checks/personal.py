"""Likely personal data in a text, by kind; made-up and documented values do not count.

Precise rather than complete: a number counts where its check digits hold or its form leaves little doubt. Sources:
Luhn (ISO/IEC 7812-1 annex B), IBAN (ISO 13616, ISO 7064 mod 97-10), My Number (ordinance 85 of 2014, article 5), SSN
(ssa.gov/employer/randomization.html), reserved names and addresses (RFC 2606, 5737, 3849), 555 numbers (nanpa.com).
"""

from __future__ import annotations

import ipaddress
import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EMAIL = re.compile(
    r"(?<![\w.+%/:-])([A-Za-z0-9][A-Za-z0-9._%+-]{0,63})@((?:[A-Za-z0-9-]{1,63}\.)+([A-Za-z]{2,24}))(?![\w@])",
    re.ASCII,
)
_RESERVED = ("example", "test", "invalid", "localhost", "local", "internal")
_MADE_UP_DOMAINS = _words(
    """
    abc abcd acme anywhere bar company domain email example foo foobar host hostname mail-server mailinator mycompany
    mydomain placeholder provider sample somewhere test website xyz yourcompany yourdomain yourwebsite
    """
)
_MADE_UP_PEOPLE = _words(
    """
    abc bar donotreply email first.last firstname.lastname foo git jane.doe jane_doe janedoe jdoe john.doe john.smith
    john_doe johndoe johnsmith jsmith me name no-reply noreply somebody someone test user username xyz you your
    your.email your.name your_email your_name youremail yourname
    """
)
_FILES = _words(
    """
    class css gif html java jpeg jpg js json md png py svg ts txt webp
    """
)

# A number in groups: what every telephone, card, SSN and My Number begins as.
_GROUPS = re.compile(r"(?<![\w.+@/-])\+?\(?\d[\d() .-]{7,30}\d(?!(?!x\d)[\w@]|[.,/-]\d)", re.ASCII)
_US_PHONE = re.compile(r"(?:(?:00)?1[-. ])?(?:\(([2-9]\d\d)\) ?|([2-9]\d\d)([-.]))([2-9]\d\d)([-.])(\d{4})")
_JP_PHONE = re.compile(r"0(?:[5789]0-\d{4}|[1-9]-\d{4}|[1-9]\d-\d{3,4}|[1-9]\d\d-\d{2,3}|[1-9]\d{3}-\d{1,2})-\d{4}")
_JP_PHONE_PLAIN = re.compile(r"0[789]0[1-9]\d{7}")
_FR_PHONE = re.compile(r"0[1-9]([ .-])\d\d(?:\1\d\d){3}")
_INTERNATIONAL = re.compile(r"\+[1-9]\d{0,2}(?:[ .-]?\(?\d{1,5}\)?){2,6}")
_SSN = re.compile(r"(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}")
_MADE_UP_SSN = frozenset(("078-05-1120", "219-09-9999", "123-45-6789", "457-55-5462", "111-11-1111", "555-55-5555"))
_CARD = re.compile(
    r"(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|6011|65\d\d|35(?:2[89]|[3-8]\d))([ -]?)\d{4}\1\d{4}\1\d{4}|"
    r"3[47]\d\d([ -]?)\d{6}\2\d{5}"
)
_MADE_UP_CARDS = _words(
    """
    2223003122003222 371449635398431 378282246310005 378734493671000 4000000000000002 4000056655665556
    4012888888881881 4111111111111111 4222222222222222 4242424242424242 4532015112830366 4539578763621486
    4916338506082832 5105105105105100 5200828282828210 5555555555554444 6011000990139424 6011111111111117
    """
)
_MY_NUMBER = re.compile(r"\d{4}([ -]?)\d{4}\1\d{4}")
_MY_NUMBER_WORDS = re.compile(r"マイナンバー|個人番号|my number", re.IGNORECASE)

_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)", re.ASCII)
_VERSION = re.compile(r"(?:\bv|version|ver\.?|release|section|chapter|build)\s*$", re.IGNORECASE)
_IPV6 = re.compile(r"(?<![\w:.])[23][0-9A-Fa-f]{3}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])", re.ASCII)
# Resolvers that everybody names, and the address that everybody makes up.
_KNOWN_IPS = _words(
    """
    1.0.0.1 1.1.1.1 1.2.3.4 2001:4860:4860::8844 2001:4860:4860::8888 208.67.220.220 208.67.222.222 255.255.255.255
    2606:4700:4700::1001 2606:4700:4700::1111 2620:fe::fe 8.8.4.4 8.8.8.8 9.9.9.9
    """
)

_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "CH": 21,
    "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FR": 27,
    "GB": 22, "GE": 22, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26, "IT": 27, "JO": 30,
    "KW": 30, "KZ": 20, "LB": 28, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24,
    "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TN": 24, "TR": 26, "UA": 29, "XK": 20,
}  # fmt: skip
_MADE_UP_IBANS = _words(
    """
    AT611904300234573201 BE68539007547034 CH9300762011623852957 DE89370400440532013000 ES9121000418450200051332
    FR1420041010050500013M02606 FR7630006000011234567890189 GB29NWBK60161331926819 GB33BUKB20201555555555
    GB82WEST12345698765432 IT60X0542811101000000123456 NL91ABNA0417164300 PL61109010140000071219812874
    """
)
_RUNS = ("0123456789", "1234567890", "9876543210", "0987654321")


def personal_kinds(text: str) -> set[str]:
    """The kinds of likely personal data in a text: names of `kinds.KINDS` that begin with ``personal_``.

    >>> personal_kinds("Write to k.tanaka@kaiun-bune.jp"), personal_kinds("Write to user@example.com")
    ({'personal_email'}, set())
    """
    kinds: set[str] = set()
    if "@" in text and any(map(_is_email, _EMAIL.finditer(text))):
        kinds.add("personal_email")
    for m in _GROUPS.finditer(text):
        kind = _kind_of_number(m.group(), text, m.start())
        if kind:
            kinds.add(kind)
    if text.count(".") >= 3 and any(map(_is_ipv4, _IPV4.finditer(text))):
        kinds.add("personal_ip")
    if text.count(":") >= 3 and any(map(_is_ipv6, _IPV6.finditer(text))):
        kinds.add("personal_ip")
    return kinds


def account_kinds(text: str) -> set[str]:
    """``personal_iban`` where a text holds the number of a bank account; for texts that have a digit."""
    return {"personal_iban"} if any(_is_iban(m.group().replace(" ", "")) for m in _IBAN.finditer(text)) else set()


def _is_email(m: re.Match[str]) -> bool:
    person, domain, top = m.group(1).lower(), m.group(2).lower(), m.group(3).lower()
    parts = domain.split(".")
    if top in _RESERVED or top in _FILES or parts[-2].startswith(_RESERVED) or parts[-2] in _MADE_UP_DOMAINS:
        return False
    return person not in _MADE_UP_PEOPLE


def _kind_of_number(found: str, text: str, start: int) -> str | None:
    number = found.strip("( .-")
    digits = "".join(c for c in number if c.isdigit())
    if len(digits) < 9 or len(set(digits)) <= 2:
        return None
    if _SSN.fullmatch(number):
        return None if number in _MADE_UP_SSN else "personal_ssn"
    if len(digits) in (15, 16) and _CARD.fullmatch(number):
        return "personal_card" if luhn(digits) and digits not in _MADE_UP_CARDS else None
    if len(digits) == 12 and _MY_NUMBER.fullmatch(number) and my_number(digits) and _MY_NUMBER_WORDS.search(text):
        return "personal_my_number"
    return "personal_phone" if _is_phone(found.strip(" .-"), digits, text, start) else None


def _is_phone(found: str, digits: str, text: str, start: int) -> bool:
    if any(digits.endswith(run[:n]) for run in _RUNS for n in (8, 7, 10)) or digits[-8:] in ("12345678", "98765432"):
        return False
    us = _US_PHONE.fullmatch(found)
    if us:
        separators = {s for s in us.group(3, 5) if s}
        return us.group(4) != "555" and len(separators) == 1 and not (us.group(1) or us.group(2)).startswith("555")
    if found.startswith("+"):
        if not (8 <= len(digits) <= 15 and _INTERNATIONAL.fullmatch(found)) or text[:start].rstrip()[-1:].isdigit():
            return False
        if digits.startswith("1"):
            return len(digits) == 11 and "555" not in (digits[1:4], digits[4:7])
        return not digits.startswith(("447700900", "442079460", "441632960"))  # Ofcom's numbers for drama
    if not 10 <= len(digits) <= 11:
        return False
    return any(form.fullmatch(found) for form in (_JP_PHONE, _JP_PHONE_PLAIN, _FR_PHONE))


def luhn(digits: str) -> bool:
    """Whether the last digit is Luhn's check digit of the others.

    >>> luhn("79927398713"), luhn("79927398710")
    (True, False)
    """
    doubled = [int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def my_number(digits: str) -> bool:
    """Whether the last of 12 digits is the check digit of a My Number."""
    total = sum(int(d) * (n + 1 if n <= 6 else n - 5) for n, d in enumerate(reversed(digits[:11]), start=1))
    rest = total % 11
    return int(digits[11]) == (0 if rest <= 1 else 11 - rest)


def _is_iban(number: str) -> bool:
    if _IBAN_LENGTHS.get(number[:2]) != len(number) or number in _MADE_UP_IBANS:
        return False
    return int("".join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97 == 1


def _is_ipv4(m: re.Match[str]) -> bool:
    number = m.group()
    try:
        address = ipaddress.IPv4Address(number)
    except ValueError:
        return False
    if not address.is_global or address.is_multicast or number in _KNOWN_IPS or max(address.packed) <= 32:
        return False  # small numbers throughout are more likely a version or a section
    return not _VERSION.search(m.string[max(0, m.start() - 12) : m.start()])


def _is_ipv6(m: re.Match[str]) -> bool:
    try:
        address = ipaddress.IPv6Address(m.group())
    except ValueError:
        return False
    return address.is_global and str(address) not in _KNOWN_IPS
