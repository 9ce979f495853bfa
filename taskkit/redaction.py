"""What is removed from texts before they are stored: what may name a person or an account, keys, names that are given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache


def redact(text: str, *, words: Iterable[str] = ()) -> tuple[str, list[str]]:
    """Remove what may name a person or an account from a text; what was removed is named, not kept.

    Kinds: e-mail addresses; keys and tokens (also what follows "password:" or "token="); IBANs (mod-97); national ids
    with their check digit, or written in a form of their own; card numbers (Luhn); telephone numbers (international, in
    a clear national form, or after "Tel."); user folders in paths; digit runs of 11 or more; and the `words` that are
    given. Names of persons and firms in running text are not recognised.

    Parameters
    ----------
    text : a title, a label, an address.
    words : names to remove wherever they stand as a word, whatever their case: of the user, of the machine. A single
        character is no name.

    Returns
    -------
    The text with `[kind]` marks, and the kinds that were removed, in the order of `REDACTIONS`, then `name`.

    >>> redact("Mail from ada@example.org")
    ('Mail from [email]', ['email'])
    >>> redact("report_Ada.docx on host-17", words=["ada", "HOST-17"])
    ('report_[name].docx on [name]', ['name'])
    """
    found: list[str] = []
    numbers = _SIX_DIGITS.match(text) is not None
    for kind, (pattern, test) in REDACTIONS.items():
        if (numbers or kind not in _NUMBERS) and (kind != "email" or "@" in text):  # most texts are spared the search
            clean = pattern.sub(f"[{kind}]" if test is None else _marker(kind, test), text)
            if clean != text:
                text = clean
                found.append(kind)
    if words:
        clean = _words((words,) if isinstance(words, str) else tuple(words)).sub(
            lambda match: match[0] if match[0] in _MARKS else "[name]", text
        )
        if clean != text:
            text = clean
            found.append("name")
    return text, found


def _marker(kind: str, test: Callable[[str], bool]) -> Callable[[re.Match[str]], str]:
    return lambda match: f"[{kind}]" if test(match[0]) else match[0]


@lru_cache(maxsize=16)
def _words(words: tuple[str, ...]) -> re.Pattern[str]:
    """The words, longest first; marks of other kinds are matched too, so that no word is looked for inside them."""
    known = sorted({word.strip() for word in words if len(word.strip()) > 1}, key=lambda word: (-len(word), word))
    either = "|".join(re.escape(word) for word in known) or r"(?!)"
    # an underscore parts words here: report_ada.docx
    return re.compile(rf"{'|'.join(map(re.escape, _MARKS))}|(?<![^\W_])(?i:{either})(?![^\W_])")


# ------------------------------------------------------------------------------------------------------------- checks
def _bare(text: str) -> str:
    return re.sub(r"[\s./-]", "", text).upper()


def _is_iban(text: str) -> bool:
    bare = re.sub(r"\s", "", text).upper()
    if not 15 <= len(bare) <= 34:
        return False
    return int("".join(str(int(c, 36)) for c in bare[4:] + bare[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    digits = [int(c) for c in text if c.isdigit()]
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [d if i % 2 == 0 else (d * 2 - 9 if d > 4 else d * 2) for i, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def _is_steuer_id(digits: str) -> bool:
    """Germany: ISO 7064 mod 11,10, and of the first ten digits one comes twice or three times."""
    if max(digits[:10].count(digit) for digit in digits[:10]) not in (2, 3):
        return False
    product = 10
    for digit in digits[:10]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[10])


_ODD = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
                 10, 22, 25, 24, 23), strict=True))  # fmt: skip


def _is_codice_fiscale(bare: str) -> bool:
    even = sum(int(c) if c.isdigit() else ord(c) - ord("A") for c in bare[1:15:2])
    return chr(ord("A") + (even + sum(_ODD[c] for c in bare[0:15:2])) % 26) == bare[15]


def _is_dni(bare: str) -> bool:
    """Spain: the letter follows from the number; eight digits that are a date (20240301A) are none."""
    if re.match(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", bare):
        return False
    number = bare[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return bare[-1] == "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23]


def _is_nir(bare: str) -> bool:
    """France: the key is 97 less the number's rest; Corsica's 2A and 2B count as 19 and 18."""
    return 97 - int(bare[:13].replace("2A", "19").replace("2B", "18")) % 97 == int(bare[13:])


def _is_bsn(bare: str) -> bool:
    """The Netherlands: the eleven test of the nine digits at the end, after their label."""
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return sum(weight * int(digit) for weight, digit in zip(weights, bare[-9:], strict=True)) % 11 == 0


_NATIONAL: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = (
    (re.compile(r"\d{9}|[A-Z]{2}\d{6}[A-D]"), lambda bare: True),  # SSN and NINO: a form of their own, no check digit
    (re.compile(r"\d{11}"), _is_steuer_id),
    (re.compile(r"[A-Z]{6}.{9}[A-Z]"), _is_codice_fiscale),
    (re.compile(r"(\d{8}|[XYZ]\d{7})[A-Z]"), _is_dni),
    (re.compile(r"\d{5}(\d{2}|2[AB])\d{8}"), _is_nir),
    (re.compile(r"[A-Z]+:?\d{9}"), _is_bsn),
)


def _is_national_id(text: str) -> bool:
    bare = _bare(text)
    return any(form.fullmatch(bare) and test(bare) for form, test in _NATIONAL)


def _is_secret(text: str) -> bool:
    """A long run is a key if it is all hexadecimal, or so mixed that no word, name of a class or file looks like it."""
    if _LABELLED.match(text):
        return True
    if re.fullmatch(r"[0-9a-f]+|[0-9A-F]+", text):
        return not (text.isdigit() or text.isalpha())
    longest = max(re.split(r"[+_=-]", text), key=len)
    mixed = len(longest) >= 16 and any(c.islower() for c in longest) and any(c.isupper() for c in longest)
    return mixed and len(re.findall(r"\d+", text)) >= 3


# ----------------------------------------------------------------------------------------------------------- patterns
_LABELLED = re.compile(
    r"(?:AKIA|ASIA)[0-9A-Z]{16}(?!\w)"
    r"|gh[pousr]_\w{36,}|github_pat_\w{22,}|glpat-[\w-]{20,}|xox[abeprs]-[\w-]{10,}"
    r"|(?:sk|rk|pk)[-_](?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{20,}|AIza[\w-]{35}"
    r"|eyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?"
    r"|(?i:bearer)\s+[\w.~+/-]{15,}[\w~+/-]=*"
    r"|(?i:password|passwd|passwort|kennwort|pwd|secret|token|api[ _-]?key)\s?[:=]\s?[^\s\[\]]{3,}[^\s\[\](),.;]"
)
# one look back for all alternatives: with one in each the search takes twice as long
_IDS = (
    r"(?<!\w)(?:"
    r"(?<!-)(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?!-)"  # United States: SSN
    r"|(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?: ?\d\d){3} ?[A-D]"  # United Kingdom: NINO
    r"|(?<![.,])[1-9]\d(?: ?\d{3}){3}(?![.,]\d)"  # Germany: Steuer-ID
    r"|(?i:[A-Z]{6}[\dL-NP-V]{2}[A-EHLMPR-T][\dL-NP-V]{2}[A-Z][\dL-NP-V]{3}[A-Z])"  # Italy: codice fiscale
    r"|(?<!-)(?:\d{8}|[XYZ]-?\d{7})-?[A-Z]"  # Spain: DNI and NIE
    r"|[12] ?\d\d ?\d\d ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d"  # France: NIR
    r"|(?i:BSN|burgerservicenummer|sofinummer)[:. ]{0,2}\d{4}[. ]?\d\d[. ]?\d{3}"  # the Netherlands
    r")(?!\w)"
)
_PHONES = (
    r"(?<!\w)(?:"
    r"(?<![+.,])(?<!\d )(?:\+|00)[1-9](?:[ ()/.-]{0,2}\d){6,14}"  # not inside 1.0049…
    r"|(?<!\()\(0\d{1,5}\) ?[/-]? ?\d(?:[ -]?\d){5,9}"
    r"|(?<!-)(?:\([2-9]\d\d\) ?|[2-9]\d\d-)[2-9]\d\d-\d{4}(?!-)"  # North America
    r"|(?<!\.)(?<!\d )0[1-9](?: \d\d){4}(?! \d)"  # France
    r"|(?i:tel|tél|telefono?|teléfono|téléphone|telephone|phone|fon|mobile?|handy|fax)\b"
    r"(?:[ -]?(?i:nr|no|number|nummer)\b)?[.: ]{0,3}(?!(?:19|20)\d\d-\d\d-\d\d|\d\d?\.\d\d?\.\d{4})"  # no date
    r"(?:\(?0(?:[ ()/.-]{0,2}\d){5,14}|\(?\d(?:[ ()/-]{0,2}\d){5,14})"  # no version: dots only after a zero
    r")(?!\w)"
)
# kind → (pattern, test that a match must pass); the order decides which kind a text is called
REDACTIONS: dict[str, tuple[re.Pattern[str], Callable[[str], bool] | None]] = {
    "email": (re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), None),
    "secret": (re.compile(rf"(?<![\w+-])(?:{_LABELLED.pattern}|[\w+-]{{32,}}={{0,2}})", re.ASCII), _is_secret),
    "iban": (re.compile(r"\b[A-Za-z]{2}\d{2}(?:\s?[A-Za-z0-9]{4}){2,7}(?:\s?[A-Za-z0-9]{1,3})?\b"), _is_iban),
    "national_id": (re.compile(_IDS, re.ASCII), _is_national_id),
    "card": (re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)"), _is_card),
    "phone": (re.compile(_PHONES), None),
    "user_folder": (re.compile(r"(?i)(?<=[\\/]users[\\/])[^\\/\s]+|(?<=/home/)[^/\s]+"), None),
    "long_number": (re.compile(r"(?<!\d)\d{11,}(?!\d)"), None),
}
_NUMBERS = ("iban", "national_id", "card", "phone", "long_number")  # none of them has fewer than six digits
_SIX_DIGITS = re.compile(r"(?:\D*+\d){6}")
_MARKS = tuple(f"[{kind}]" for kind in REDACTIONS)
