"""Patterns that hold in every language: addresses of machines, cards, accounts, phones, dates."""

from __future__ import annotations

import re

from appliance.redact.detect import checksums
from appliance.redact.detect.patterns import Pattern, anchored, labelled, shaped

_LOCAL = r"[\w.!#$%&'*+/=?^`{|}~-]"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_YEAR4 = r"(?:1[89]|20)\d{2}"

#: Numeric dates in any order of day, month, year; compact ones only when they are real days.
DATES: tuple[Pattern, ...] = (
    shaped(
        "date_numeric",
        "DATE_TIME",
        rf"(?<![\w/])(?<!\d[.\-])(?:{_DAY}([/.\-]){_MONTH}|{_MONTH}([/\-]){_DAY})(?:\1|\2)"
        r"(?:[12]\d{3}|\d{2})(?![\w/])(?![.\-]\d)",
        score=0.75,
        lead="digit",
        digits=4,
    ),
    shaped(
        "date_spaced",
        "DATE_TIME",
        rf"(?<![\w/.\-]){_DAY} ?([/.\-]) ?{_MONTH} ?\1 ?{_YEAR4}(?![\w/])",
        score=0.75,
        lead="digit",
        digits=6,
    ),
    shaped(
        "date_iso",
        "DATE_TIME",
        rf"(?<![\w/.\-]){_YEAR4}([\-/.]){_MONTH}\1{_DAY}"
        r"(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+\-]\d{2}:?\d{2})?)?(?![\w/])(?![.\-]\d)",
        score=0.85,
        lead="digit",
        digits=6,
    ),
    shaped(
        "date_compact",
        "DATE_TIME",
        r"(?<![\w/.\-])(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?![\w/\-])(?!\.\d)",
        score=0.55,
        lead="digit",
        digits=8,
    ),
    shaped(
        "date_month_year",
        "DATE_TIME",
        rf"(?<![\w/.\-]){_MONTH}[/\-](?:19|20)\d{{2}}(?![\w/\-])",
        score=0.6,
        lead="digit",
        digits=5,
    ),
)

CONTACT: tuple[Pattern, ...] = (
    anchored(
        "email",
        "EMAIL_ADDRESS",
        ("@",),
        rf"(?<![\w.+\-])[^\W_]{_LOCAL}{{0,63}}@[^\W_](?:[\w\-]{{0,62}}\.)*[\w\-]{{0,62}}\.[^\W\d_]"
        rf"{{2,24}}(?![\w\-])",
        score=0.95,
        before=65,
    ),
    anchored(
        "email_spaced",
        "EMAIL_ADDRESS",
        "[at], (at)",
        rf"(?<![\w.+\-])[^\W_]{_LOCAL}{{0,63}}? ?(?:\[at\]|\(at\)) ?[\w\-]{{1,60}}"
        r"(?: ?(?:\.|\[dot\]|\(dot\)) ?[\w\-]{2,24}){1,3}(?![\w\-])",
        score=0.7,
        before=65,
    ),
    anchored(
        "payment_handle",
        "EMAIL_ADDRESS",
        ("@",),
        rf"(?<![\w.+\-])[^\W_]{_LOCAL}{{1,63}}@[a-z][a-z0-9]{{1,20}}(?![\w\-@]|\.\w)",
        score=0.55,
        before=65,
    ),
    anchored(
        "url",
        "URL",
        "http, www., ftp://",
        r"(?:(?:https?|ftp) ?: ?//|www\.)[^\s<>\"'()\[\]{}|]{2,2000}[\w/#=]",
        score=0.8,
    ),
    anchored(
        "domain",
        "URL",
        ".com, .org, .net, .edu, .gov, .info, .biz, .dev, .app, .eu, .us, .uk, .br, .de, .fr, .es"
        ", .pt, .nl, .co",
        r"(?<![\w@.\-])(?:[a-z0-9][a-z0-9\-]{1,62}\.){1,3}"
        r"(?:com|org|net|edu|gov|info|biz|dev|app|eu|us|uk|br|de|fr|es|pt|nl|co)"
        r"(?:\.[a-z]{2})?(?:/[\w./?=&%#~\-]*[\w/])?(?![\w\-@])(?!\.\w)",
        score=0.5,
        before=64,
        flags=0,
    ),
    anchored(
        "handle",
        "USERNAME",
        ("@",),
        r"(?<![\w.@])@[A-Za-z_][\w.]{2,29}(?<!\.)(?![\w@])",
        score=0.5,
    ),
    anchored(
        "handle_spaced",
        "USERNAME",
        ("@ ",),
        # As tokenised messages write a handle: behind "RT" or a full stop, or clearly no word.
        r"@[ ](?:(?<=RT @ )|(?<=via @ )|(?<=\. @ )|(?<=: @ )|(?<=\n@ )|(?=[A-Za-z]*[a-z_][A-Z_]))"
        r"(?P<v>[A-Za-z_]\w{2,29})(?![\w@])",
        score=0.4,
        flags=0,
    ),
    shaped(
        "ipv4",
        "IP_ADDRESS",
        r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\w)",
        score=0.75,
        check=checksums.ipv4,
        check_required=True,
        lead="digit",
        digits=4,
    ),
    shaped(
        "ipv6",
        "IP_ADDRESS",
        r"(?<![\w:.])(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}"
        r"|(?=(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4})(?=[0-9A-Fa-f:]*::)(?=[0-9A-Fa-f:]*[0-9A-"
        r"Fa-f]{3})"
        r"[0-9A-Fa-f:]{5,39})(?![\w:])",
        score=0.8,
        lead="long",
    ),
    shaped(
        "mac",
        "MAC_ADDRESS",
        r"(?<![\w:\-])[0-9A-Fa-f]{2}(?:[:\-][0-9A-Fa-f]{2}){5}(?![\w:\-])",
        score=0.8,
        check=checksums.mac,
        check_required=True,
        lead="long",
    ),
    anchored(
        "phone_international",
        "PHONE_NUMBER",
        ("+",),
        r"(?<![\w+])\+ ?\d{1,3}(?:[ .\-/]{0,2}(?:\(0\) ?)?\(?\d{1,5}\)?){2,6}"
        r"(?: ?(?:x|ext\.?|ramal) ?\d{1,6})?(?![\w])",
        score=0.75,
    ),
)

FINANCE: tuple[Pattern, ...] = (
    shaped(
        "card",
        "CREDIT_CARD",
        r"(?<![\w.\-])(?:\d[ \-]?){12,18}\d(?![\w\-])(?!\.\d)",
        score=0.75,
        check=checksums.card,
        check_required=True,
        lead="digit",
        digits=13,
    ),
    shaped(
        "card_grouped",
        "CREDIT_CARD",
        r"(?<![\w.\-])(?:[2-6]\d{3}([ \-])\d{4}\1\d{4}\1\d{4}"
        r"|3[47]\d{2}([ \-])\d{6}\2\d{5})(?![\w\-])",
        score=0.7,
        check=checksums.card,
        lead="digit",
        digits=15,
    ),
    anchored(
        "card_masked",
        "CREDIT_CARD",
        "xxxx, ****, ••••",
        r"(?<![\w*])(?:[X*x•]{4}[ \-]?){2,3}\d{4}(?!\w)",
        score=0.6,
        flags=0,
    ),
    shaped(
        "iban",
        "IBAN_CODE",
        r"(?<![\w])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?![A-Za-z0-9])",
        score=0.75,
        check=checksums.iban,
        check_required=True,
        lead="code",
    ),
    labelled(
        "iban_labelled",
        "IBAN_CODE",
        "iban",
        value=(
            r"(?P<v>(?-i:[A-Z]{2}(?: ?[A-Z0-9X*]{2})(?:[ \-]?[A-Z0-9X*]{2,5}){1,9}))(?![A-Za-z0-9]"
            r")"
        ),
        check=checksums.iban,
    ),
    labelled(
        "swift",
        "ACCOUNT_NUMBER",
        "swift, bic, swift code",
        value=r"(?P<v>(?-i:[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?))\b",
        score=0.7,
    ),
    labelled(
        "cvv",
        "CVV",
        "cvv, cvv2, cvc, cvc2, cid, csc, card verification value, card verification,"
        " security code, código de segurança, código de seguridad, prüfziffer",
        value=r"(?P<v>\d{3,4})(?!\d)",
        score=0.85,
    ),
    anchored(
        "track1",
        "CARD_TRACK",
        ("%b",),
        r"%B\d{12,19}\^[^^\n]{2,40}\^\d{4}[^?\n]{0,60}\??",
        score=0.95,
    ),
    anchored(
        "track2",
        "CARD_TRACK",
        (";",),
        r";\d{12,19}=\d{4}[\d=]{0,30}\??",
        score=0.95,
    ),
    shaped(
        "bitcoin",
        "CRYPTO",
        r"\b(?:bc1[ac-hj-np-z02-9]{25,59}|[13][a-km-zA-HJ-NP-Z1-9]{25,34}|0x[0-9a-fA-F]{40})\b",
        score=0.7,
        lead="long",
    ),
    shaped(
        "uuid",
        "ID_NUMBER",
        r"(?<![\w\-])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![\w\-])",
        score=0.7,
        lead="long",
    ),
    shaped(
        "vin",
        "VEHICLE_ID",
        r"(?<!\w)(?=[A-Z0-9]*\d)(?=[A-Z0-9]*[A-Z])[A-HJ-NPR-Z0-9]{17}(?!\w)",
        score=0.6,
        check=checksums.vin,
        check_required=True,
        lead="long",
    ),
    anchored(
        "secret_token",
        "PASSWORD",
        "sk-, sk_live, sk_test, pk_live, ghp_, gho_, github_pat, xoxb, xoxp, akia, aiza, eyj,"
        " glpat",
        r"(?:sk-|[sp]k_(?:live|test)_|gh[po]_|github_pat_|xox[bp]-|AKIA|AIza|eyJ"
        r"|glpat-)[A-Za-z0-9_.\-]{12,}",
        score=0.85,
        flags=0,
    ),
)

PATTERNS: tuple[Pattern, ...] = DATES + CONTACT + FINANCE

MONTH_FLAGS = re.IGNORECASE


def month_dates(
    name: str,
    months: str,
    *,
    link: str = r"",
    ordinal: str = r"",
    month_first: bool = True,
) -> tuple[Pattern, ...]:
    """Build the patterns for dates that name their month.

    Args:
        name: prefix of the patterns' names.
        months: alternation of month names and abbreviations, lower case.
        link: what may stand between parts, e.g. "de" or "of".
        ordinal: expression after a day number, e.g. "st|nd|rd|th".
        month_first: whether "March 5, 2020" is written in this language.
    """
    gap = rf"[ \t\-/.,]{{0,3}}(?:(?:{link})[ \t]+)?" if link else r"[ \t\-/.,]{0,3}"
    day = rf"{_DAY}[ \t]?(?:{ordinal})?" if ordinal else _DAY
    year = r"(?:(?:1[5-9]|20)\d{2}|['’]?\d{2}(?!\d))"
    month = rf"(?:{months})(?![^\W\d_])\.?"
    ranged = rf"(?:{day}[ \t]*(?:-|/|to|a|y|e|bis|et|and|&)[ \t]*)?"
    body = rf"(?<![\w/]){ranged}{day}{gap}{month}(?:{gap}{year}(?![\w]))?"
    body += rf"|(?<![^\W_]){month}{gap}(?:1[5-9]|20)\d{{2}}(?!\w)"
    if month_first:
        head = rf"(?<![^\W_]){month}[ \t\-/]{{0,2}}{day}"
        body = (
            rf"{head}(?![\w])(?:[ \t]*[,\-/.]?[ \t]*(?:of[ \t]+)?(?:1[5-9]|20)\d{{2}}(?!\w)"
            rf"|[\-/,]['’]?\d{{2}}(?!\w))?"
            rf"|{body}|(?<![^\W_]){month}[ \t]?['’]\d{{2}}(?!\w)"
        )
    anchors = tuple(sorted({m[:3] for m in re.split(r"\|", re.sub(r"[()?:]", "", months)) if m}))
    return (
        Pattern(
            name=f"{name}_month",
            entity_type="DATE_TIME",
            regex=re.compile(body, MONTH_FLAGS),
            score=0.8,
            anchors=anchors,
            before=16,
        ),
    )
