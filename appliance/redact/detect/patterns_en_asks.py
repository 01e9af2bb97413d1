"""English patterns of short messages: ages without "years", rooms, extensions, workplaces."""

from __future__ import annotations

from appliance.redact.detect.patterns import Pattern, anchored, labelled, shaped

_NO_UNIT = (
    r"(?![\w/%°]|[.,:]\d|-\d|[ \-]?(?i:mg|mcg|ml|cc|g|kg|lbs?|pounds|cm|mm|in|inch(?:es)?|feet"
    r"|ft|weeks?"
    r"|wks?|days?|hours?|hrs?|h\b|min(?:utes?)?|mo\b|months?|units?|times|pills?|tabs?|tablets?"
    r"|doses?"
    r"|drops|puffs|bpm|mmhg|degrees|percent|miles|blocks|x\b|am\b|pm\b|out[ ]of|over|of[ ]\d"
    r"|to[ ]\d|on[ ]the[ ]pain))"
)
_AGE_END = (
    r"(?=[ ]*(?:[.,;!?)\n]|$|-[ ]|(?:and|with|w/|who|but|so|now|on|taking|has|is|was|had|just"
    r"|live|lives|my|i|im|he|she|hes|shes|we|smoke|in|from"
    r"|years?"
    r"|yrs?|living|still|pregnant|here|male|female|here's)\b))"
)
_RELATIVE = (
    r"mom|mum|mother|dad|father|wife|husband|son|daughter|brother|sister|grandma|grandpa"
    r"|grandmother"
    r"|grandfather|nana|aunt|uncle|niece|nephew|cousin|kid|child|toddler|baby|partner|twin|grandson"
    r"|granddaughter|husb|dtr|sis|bro|patient|pt|client|resident|neighbor|roommate|friend"
)
AGES: tuple[Pattern, ...] = (
    anchored(
        "ask_age_is",
        "AGE",
        "i'm, i’m, im, she's, she’s, shes, he's, he’s, hes, i am, you are, you're, he is, she is,"
        " they're, turning"
        ", turned, mom is, dad is, who is, who's, pt is",
        r"(?<!\w)(?:i['’]?m|i[ ]am|you(?:[ ]are|['’]re)|s?he['’]?s|s?he[ ]is|they['’]re|turn(?:ing"
        r"|ed)|(?:mom|dad"
        r"|pt)[ ]is"
        r"|who(?:['’]s|[ ]is))[ ](?:a[ ]|now[ ]|only[ ]|just[ ]|almost[ ]|about[ ]|already[ ]"
        r"|turning[ ]|maybe[ ]|around[ ]|roughly[ ]|nearly[ ]|like[ ]|approximately[ ])?"
        rf"(?P<v>1[01]\d|[1-9]\d|[3-9]){_NO_UNIT}{_AGE_END}",
        score=0.55,
    ),
    anchored(
        "ask_age_relative",
        "AGE",
        tuple(_RELATIVE.split("|")),
        rf"(?:{_RELATIVE})(?:,[ ]|[ ]\(|[ ]is[ ]|[ ])(?:aged?[ ]|now[ ])?(?P<v>1[01]\d|[1-9]\d"
        rf"|[1-9])"
        rf"{_NO_UNIT}(?=\)|,|[ ](?:with|has|who|and|is|was|had|fell|y\b)|[.](?:\s|$))",
        score=0.45,
    ),
    anchored(
        "ask_age_at",
        "AGE",
        "diagnosed at, diagnosed when, died at, passed at, dx at, had it at, started at, since age"
        ", menopause at, stroke at, mi at, cancer at, retired at",
        r"(?:diagnosed|died|passed|dx|had it|menopause|stroke|mi|cancer|retired)[ ](?:at"
        r"|when (?:i|she|he)"
        r" was)[ ](?:age[ ])?(?P<v>1[01]\d|[1-9]\d)(?![\w/%]|[.,:]\d)(?=[ ]*(?:[.,;!?)\n]|$"
        r"|(?:and|but|so|now|with|of|from)\b))",
        score=0.55,
    ),
    anchored(
        "ask_age_words",
        "AGE",
        "twenty, thirty, forty, fifty, sixty, seventy, eighty, ninety, two, three, four"
        ", five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen"
        ", fifteen, sixteen, seventeen, eighteen, nineteen",
        r"(?<![\w\-])(?i:(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:-(?:one|two"
        r"|three"
        r"|four|five|six|seven|eight|nine))?|two|three|four|five|six|seven|eight|nine|ten|eleven"
        r"|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen)"
        r"(?=[ \-]years?[ \-]old)",
        score=0.5,
        flags=0,
    ),
)

AT_DEATH = anchored(
    "ask_age_death",
    "AGE",
    "passed, died, passed away, expired",
    r"(?:passed(?: away)?|died|expired)[ ][^.,;\n]{0,26}?(?<!\w)at[ ](?P<v>1[01]\d|[1-9]\d)"
    r"(?=[ ]*(?:[.,;!?)\n]|$))(?![.,]\d)",
    score=0.5,
)

_DAY = (
    r"(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:s|nesday)?|thu(?:r|rs|rsday)?|fri(?:day)?"
    r"|sat(?:urday)?"
    r"|sun(?:day)?)"
)
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
DATES: tuple[Pattern, ...] = (
    anchored(
        "ask_weekday_the",
        "DATE_TIME",
        "mon, tue, wed, thu, fri, sat, sun",
        rf"{_DAY}\.?,?[ ](?:the[ ])?\d{{1,2}}(?:st|nd|rd|th)(?!\w)",
        score=0.6,
    ),
    anchored(
        "ask_part_of_month",
        "DATE_TIME",
        "mid, early, late, end of, beginning of, start of, middle of, first week of, last week of",
        rf"(?:(?:mid|early|late)[ \-]|(?:the[ ])?(?:end|beginning|start|middle|(?:first|second"
        rf"|third|last)"
        rf"[ ]week)[ ]of[ ])(?-i:(?=[A-Z])|(?!mar\b|may\b|sat\b"
        rf"|sun\b)){_MONTH}(?!\w)(?:[ ,]{{1,2}}(?:19|20)\d{{2}})?",
        score=0.5,
    ),
)

_ROOM = r"(?P<v>\d{1,4}-[A-D](?!\w)|\d{2,4}[A-D]?|[A-Z]{1,2}-?\d{2,4}[A-D]?)"
ROOMS: tuple[Pattern, ...] = (
    anchored(
        "ask_room_of",
        "LOCATION",
        "in , from , to ",
        r"(?:in|from)[ ](?P<v>\d{1,4}-[A-D]|\d{3,4}[A-D])(?![\w/\-]|\.\d)",
        score=0.5,
        flags=0,
    ),
    anchored(
        "ask_room_of_patient",
        "LOCATION",
        "patient, pt, lady, gentleman, resident, guy, family, visitor, mr, ms, miss",
        rf"(?<![\w.\-])(?:(?i:patients?|pts?|lady|gentleman|resident|guy|family|visitor)"
        rf"|(?:M(?:r|rs|s)|Miss)\.?[ ][A-Z][\w'’\-]+)[ ](?:in|from)[ ]{_ROOM}(?!(?<=19)\d\d)"
        r"(?![\w/%\-]|[.,]\d|[ ](?i:days?|weeks?|hours?|hrs?|minutes?|months?|years?|mg|ml|patients"
        r"|beds|people|cases|of|states|countries|studies))",
        score=0.5,
        flags=0,
    ),
    shaped(
        "ask_bed",
        "LOCATION",
        r"(?<![\w\-])(?P<v>(?<=[Bb]ed )[A-Z]{2,6}[ \-]?\d{1,3}[A-D]?"
        r"|\d{1,2}[A-Z],?[ ]bed[ ]\d{1,3})"
        r"(?![\w/%])",
        score=0.55,
    ),
)

_CAP = r"[A-Z][\w'’.\-]*"
_RUN = rf"{_CAP}(?:[ ](?:(?:of|and|&|for|the)[ ]){{0,2}}{_CAP}){{0,4}}"
_TRADE = (
    r"Fabricators?|Freight|Trucking|Logistics|Mills?|Farms?|Bakery|Plumbing|Roofing|Construction"
    r"|Builders|Brewing|Brewery|Movers|Catering|Press|Media|Markets?|Grocers?|Grocery|Auto|Motors"
    r"|Supply|Supplies|Suppliers|Equipment|Instruments|Oxygen|Mobility|Prosthetics|Orthotics"
    r"|Optical"
    r"|Ambulance|Transport|Transportation|Express|Electric|Energy|Oil|Chemicals?|Plastics|Textiles"
    r"|Foundry|Tool(?:s|works)?|Works|Factory|Plant|Warehouse|Distribution|Distributors|Packaging"
    r"|Staffing|Security|Cleaning|Cleaners|Realty|Properties|Advisors|Capital|Financial"
    r"|Credit Union"
    r"|Legal|Attorneys|Montessori|Preschool|Daycare|Kindergarten|Charter|Prep|Seminary|Library"
    r"|Theatre"
    r"|Theater|Museum|Zoo|YMCA|Gym|Fitness|Yoga|Salon|Inn|Lodge|Resort|Casino|Diner|Grill|Pizza"
    r"|Bistro|Winery|Ranch|Orchards|Vineyards|Fisheries|Shipping|Cruises?|Airways|Rail(?:way)?"
    r"|Union|Mutual|Assurance|Advantage|Outfitters|Landscaping|Carpentry|Cabinets|Flooring|Glass"
    r"|Steel|Metals|Mining|Quarry|Lumber|Paper|Printing|Publishing|Software|Robotics|Analytics"
    r"|Pharmaceuticals|Biotech|Therapeutics|Medical|DME|Hospice|Homecare|Home Care|Home Health"
    r"|Nursing|Dialysis|Vision|Hearing|Audiology|Benefits|Medicare|Plan|HMO|PPO|Unified"
    r"|Department|Authority|Commission|Council|Cooperative|Co-op|Collective|Ministries"
)
ORGANIZATIONS: tuple[Pattern, ...] = (
    shaped(
        "ask_org_at",
        "ORGANIZATION",
        rf"(?<=\b(?:at|by) )(?!(?:The|Dr|Mr|Mrs|Ms)\b)(?:{_CAP}[ ](?:(?:of|and"
        rf"|&)[ ])?){{1,4}}(?:{_TRADE})"
        r"(?![\w\-])",
        score=0.45,
    ),
    shaped(
        "ask_org_insurer",
        "ORGANIZATION",
        rf"(?<![\w'’])(?:{_CAP}[ ](?:(?:of|and|&)[ ])?){{1,4}}(?:Health Plans?|Mutual|Assurance"
        rf"|Benefits"
        r"|Advantage|HMO|PPO|Credit Union|Montessori|Preschool|Daycare|Logistics|Freight|Trucking"
        r"|Roofing|Plumbing|Staffing|Ambulance)(?![\w\-])",
        score=0.45,
        lead="capital",
    ),
    anchored(
        "ask_org_for",
        "ORGANIZATION",
        "employer, supplier, works for, work for, worked for, works at, work at, drives for"
        ", employed by, drive for, insurer, insurance is, insurance through, carrier"
        ", vendor, my pharmacy is"
        ", employed at, job at, hired by, contractor for, intern at, teaches at, teach at"
        ", driver for, dme company, home health agency",
        r"(?:(?:my|her|his|their|our|the)[ ])?(?:employer|supplier|insurer|insurance|carrier|vendor"
        r"|pharmacy|dme company|home health agency|works? (?:for|at)|worked (?:for|at)"
        r"|drives? (?:for)"
        r"|employed (?:by|at)|job at|hired by|contractor for|driver for|intern at|teach(?:es)? at)"
        rf"(?:[ ](?:is|was|through|now))?[ :,]{{1,2}}(?:the[ ])?(?P<v>(?-i:{_RUN}))(?!\w)",
        score=0.45,
    ),
)

_GROUPED = (
    r"(?P<v>(?-i:[A-Z]{0,5})[ \-]?\d{2,12}(?:[ \-](?-i:[A-Z]{0,2})\d{1,6}){1,5}"
    r"|(?-i:[A-Z]{2,5})\d{4,12}[ \-]\d{1,3})"
    r"(?![\w/\-%]|[.,:]\d|[ ]?(?i:mg|ml|mcg|weeks?|wks?|days?|months?|years?|yrs?|yo?\b|y/o|hours?"
    r"|hrs?|am\b|pm\b|kg|lbs?|units?|[ap]\.m|visits?|sessions?|times))"
)
ADDRESSES: tuple[Pattern, ...] = (
    anchored(
        "ask_address",
        "LOCATION",
        "live at, lives at, lived at, live in, we're at, we’re at, were at, i'm at, i’m at, address"
        ", moved to, mail to, mail it to, send to, send it to, sent to, deliver to, delivered to"
        ", residing at, home at, house at, ship to",
        r"(?:live[sd]?[ ](?:at|in)|(?:we['’]re|i['’]m|were)[ ]at|address(?:[ ]is)?|moved[ ]to"
        r"|mail[ ](?:it[ ])?to"
        r"|sen[dt][ ](?:it[ ])?to|deliver(?:ed)?[ ]to|residing[ ]at|ho(?:me|use)[ ]at"
        r"|ship[ ]to)[ :]{1,2}"
        r"(?P<v>\d{1,5}[ ](?-i:[A-Z])[\w'’]+(?:[ ](?-i:[A-Z])[\w'’]+){0,2}(?:,[ ](?:(?:unit|apt"
        r"|suite|lot|#)"
        r"\.?[ ]?[\w\-]{1,5}|(?-i:[A-Z])[\w'’]+(?:[ ](?-i:[A-Z])[\w'’]+){0,2})){1,3})(?!\w)",
        score=0.55,
    ),
    anchored(
        "ask_unit",
        "LOCATION",
        "unit, pod, wing, floor, ward, tower",
        r"(?<!\w)(?i:unit|pod|wing|floor|ward|tower)[ ](?=[A-Z\-]*\d)(?=[\d\-]*[A-Z])[A-Z\d\-]{2,6}"
        r"(?![\w/])",
        score=0.5,
        flags=0,
    ),
    shaped(
        "ask_unit_side",
        "LOCATION",
        r"(?<![\w.\-])\d{1,2}[ \-](?:North|South|East|West|Tower)[ ]\d{1,3}[A-D]?(?!\w)",
        score=0.5,
        lead="digit",
        digits=1,
    ),
)
#: What the groups are of.
_GROUPED_LABELS = {
    "HEALTH_PLAN_ID": "member id, member number, member no, member, subscriber id"
    ", subscriber number, policy number, policy, policy no, plan id, plan number, medicaid"
    ", medicare, medicaid id, insurance id, group number, group id, beneficiary id"
    ", authorization number, prior auth number, auth number",
    "ID_NUMBER": "id, id number, id no, id card",
    "CASE_NUMBER": "claim number, claim, reference number, ref, case number, confirmation number",
    "DEVICE_ID": "serial number, serial no",
    "ACCOUNT_NUMBER": "account number, account no",
    "MEDICAL_RECORD_NUMBER": "mrn, record number, chart number",
}
IDENTIFIERS: tuple[Pattern, ...] = (
    *(
        labelled(
            f"ask_groups_{entity_type.lower()}",
            entity_type,
            labels,
            value=_GROUPED,
            separator=r"[ \t]*(?:number|no\.?|#)?[ \t]*[:=#]?[ \t]*(?:is[ \t]+|of[ \t]+)?",
            score=0.82,
        )
        for entity_type, labels in _GROUPED_LABELS.items()
    ),
    labelled(
        "ask_extension",
        "PHONE_NUMBER",
        "extension, ext, ext., extn, x",
        value=r"(?P<v>\d-\d{4}|\d{3,6})(?![\w/\-%]|\.\d)",
        separator=r"[ \t]*(?:is|at|#|:)?[ \t]*",
        score=0.7,
    ),
)

PATTERNS: tuple[Pattern, ...] = (
    *AGES,
    AT_DEATH,
    *DATES,
    *ROOMS,
    *ORGANIZATIONS,
    *ADDRESSES,
    *IDENTIFIERS,
)
