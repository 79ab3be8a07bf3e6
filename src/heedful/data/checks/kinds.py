"""What can be found in rows that stay: its name, its sentence, how grave it is, and the tally of its places."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
SHOWN = 20  # places listed at most


@dataclass(frozen=True)
class Finding:
    """Something about rows that stay: how many, and the first `SHOWN` places."""

    finding: str
    sentence: str
    count: int
    where: tuple[str, ...]
    severity: Severity = "warning"

    def to_json(self) -> dict[str, Any]:
        return {
            "finding": self.finding,
            "sentence": self.sentence,
            "count": self.count,
            "where": list(self.where),
            "severity": self.severity,
        }


@dataclass
class Tally:
    """Counts rows and keeps the first places."""

    count: int = 0
    where: list[str] = field(default_factory=list)

    def add(self, place: str) -> None:
        self.count += 1
        if len(self.where) < SHOWN:
            self.where.append(place)


# name -> (severity, sentence). An error stops a careful person; a warning wants a look; a note is good to know.
# The findings that other parts of the ledger make are here too, so that every reader can tell how grave they are.
KINDS: dict[str, tuple[Severity, str]] = {
    "wholly_masked": ("error", "rows that have no trained token: they teach nothing"),
    "stop_not_trained": ("error", "rows that do not train the stop token: the model does not learn to stop"),
    "several_bos": ("error", "rows that begin with, or hold, more than one BOS token"),
    "no_bos": ("warning", "rows without the BOS token that this tokenizer puts before a text"),
    "truncated": ("note", "rows that are cut to the length limit"),
    "control_tokens": ("warning", "rows whose text holds a control token of the model"),
    "secret_private_key": ("error", "rows that hold a private key"),
    "secret_token": ("error", "rows that hold an access token or key of a service (AWS, GitHub, OpenAI, ...)"),
    "secret_jwt": ("warning", "rows that hold a signed JSON web token"),
    "secret_password": ("warning", "rows that seem to hold a password or a secret in an assignment or an address"),
    "personal_card": ("warning", "rows that hold the number of a payment card"),
    "personal_ssn": ("warning", "rows that hold a US social security number"),
    "personal_my_number": ("warning", "rows that hold a Japanese My Number"),
    "personal_iban": ("warning", "rows that hold a bank account (IBAN)"),
    "personal_email": ("warning", "rows that hold an e-mail address"),
    "personal_phone": ("warning", "rows that hold a telephone number"),
    "personal_ip": ("note", "rows that hold a public IP address"),
    "mojibake": ("warning", "rows with text that was decoded wrongly"),
    "replacement_characters": ("warning", "rows with U+FFFD, the sign of bytes that could not be decoded"),
    "control_characters": ("warning", "rows with control characters"),
    "bidi_controls": ("warning", "rows with characters that turn the direction of the text around"),
    "invisible_characters": ("warning", "rows with characters that nobody sees (zero width, soft hyphen, BOM)"),
    "private_use": ("note", "rows with characters of a private use area or half a surrogate pair"),
    "markers": ("warning", "rows that hold a marker of a chat template in their text"),
    "role_marker": ("warning", "rows whose answer begins with the name of a role, such as 'Assistant:'"),
    "further_turns": ("warning", "rows whose answer goes on with further turns of a conversation"),
    "html": ("warning", "rows with HTML left in text that does not seem to be about HTML"),
    "page_leftovers": ("warning", "rows with words of a web page around the text, such as 'Copy code'"),
    "placeholder_answer": ("warning", "rows whose answer is a placeholder, such as 'N/A' or 'nan'"),
    "placeholder_input": ("warning", "rows whose input is a placeholder, such as '<noinput>' or 'nan'"),
    "bare_link": ("warning", "rows whose input is nothing but a link, which a model cannot open"),
    "image_placeholders": ("warning", "rows that stand for or link to an image, which a text model cannot see"),
    "unfilled": ("note", "rows with places left to fill, such as '[Your Name]'"),
    "refusals": ("warning", "rows whose answer refuses or speaks as an AI model"),
    "set_phrases": ("note", "rows whose answer opens or closes with a set phrase of chat models"),
    "loops": ("warning", "rows whose answer repeats a line or a phrase five times or more"),
    "echo": ("warning", "rows whose answer is the question again"),
    "open_fence": ("warning", "rows whose answer opens a code block (```) and does not close it"),
    "cut_off": ("warning", "rows whose answer seems to end in mid-sentence"),
    "script_differs": ("note", "rows whose answer is in another script than the question, which asks for no other"),
    "language_differs": ("note", "rows whose answer is in another language than the question, which asks for no other"),
    "edge_whitespace": ("warning", "rows that have white space at the beginning or the end of a text; it is kept"),
    "duplicates": ("warning", "rows that repeat the question and the answer of an earlier row"),
    "conflicts": ("warning", "rows that answer the question of an earlier row in another way"),
    "same_answer": ("warning", "rows that give one and the same long answer to different questions"),
    "same_opening": ("warning", "rows whose answers begin with the same sentence"),
    "same_closing": ("warning", "rows whose answers end with the same sentence"),
    "very_long": ("note", "rows whose answer is far longer than the others"),
    "very_short": ("note", "rows whose answer is one or two characters where others are long"),
}


def severity_of(finding: str) -> Severity:
    """How grave a finding is by its name (``same_opening_2`` is a second ``same_opening``); else a warning."""
    kind = finding.rstrip("0123456789").rstrip("_") if finding not in KINDS else finding
    return KINDS[kind][0] if kind in KINDS else "warning"
