"""English patterns: US states written out, and postal codes of the US and Canada."""

from __future__ import annotations

from appliance.redact.detect.patterns import Pattern, anchored, shaped

_NAMES = (
    "alabama, alaska, arizona, arkansas, california, colorado, connecticut, delaware, florida"
    ", georgia, hawaii, idaho, illinois, indiana, iowa, kansas, kentucky, louisiana, maine"
    ", maryland, massachusetts, michigan, minnesota, mississippi, missouri, montana, nebraska"
    ", nevada, new hampshire, new jersey, new mexico, new york, north carolina, north dakota, ohio"
    ", oklahoma, oregon, pennsylvania, rhode island, south carolina, south dakota, tennessee"
    ", texas, utah, vermont, virginia, washington, west virginia, wisconsin, wyoming"
    ", puerto rico, guam, calif., conn., mass., penn., penna., tenn., wash., wisc., ill., mich."
    ", minn., ariz., colo., fla., okla., tex., wis., neb., nebr., n.y., n.j., n.c., n.d., n.h."
    ", n.m., s.c., s.d., r.i., w.va., d.c."
)
_WORDS = sorted((name.strip() for name in _NAMES.split(",")), key=len, reverse=True)
_STATE = "(?i:" + "|".join(w.replace(".", r"\.").replace(" ", r"\s") for w in _WORDS) + ")"
_ZIP = r"\d{5}(?:[ ]?-[ ]?\d{4})?(?![\w\-]|[.,]\d)"

PATTERNS: tuple[Pattern, ...] = (
    anchored(
        "us_zip_state_name",
        "ZIP_CODE",
        _NAMES,
        rf"(?<![\w.]){_STATE}\.?,?[ \t\n]{{1,3}}(?P<v>{_ZIP})",
        score=0.75,
    ),
    anchored(
        "us_state_name_zip",
        "LOCATION",
        _NAMES,
        rf"(?<![\w.])(?P<v>{_STATE})(?=\.?,?[ \t\n]{{1,3}}{_ZIP})",
        score=0.7,
    ),
    shaped(
        "ca_postal_code",
        "ZIP_CODE",
        r"(?<![\w\-/])[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z][ ]\d[ABCEGHJ-NPRSTV-Z]\d(?![\w\-])",
        score=0.7,
        lead="code",
    ),
    shaped(
        "ie_eircode",
        "ZIP_CODE",
        # The letters the post leaves out are taken too: they are written by mistake.
        r"(?<![\w\-/.])(?:[A-Z]\d{2}|D6W)[ ](?=\d{0,3}[A-Z])(?=[A-Z]{0,3}\d)[A-Z\d]{4}(?![\w\-/%])",
        score=0.5,
        lead="code",
        context=r"(?:^|[,\n]|[a-z])[ ]{0,2}",
    ),
    anchored(
        "udi",
        "DEVICE_ID",
        "(01)",
        r"\(01\)[ ]?\d{14}(?:[ ]?\(\d{2,3}\)[ ]?[\w\-/.]{1,20})*",
        score=0.8,
    ),
    anchored(
        "latitude_longitude",
        "LOCATION",
        "lat, latitude, long, lon, lng, longitude",
        r"(?<!\w)(?i:lat(?:itude)?|lon(?:g(?:itude)?)?|lng)\b\.?[ ]?[:=]?[ ]?"
        r"(?P<v>[-+]?\d{1,3}\.\d{3,}(?:[ ]?°?[ ]?[NSEW]\b)?)",
        score=0.7,
    ),
)
