"""English patterns: addresses, ZIP codes, places by their form, organizations."""

from __future__ import annotations

from appliance.redact.detect.patterns import Pattern, anchored, labelled, shaped

US_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM"
    "|NY"
    "|NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC|PR|VI|GU|AS|MP|AA|AE|AP"
)
#: Idaho is written like "identifier": it counts only after a town.
_ZIP_STATES = US_STATES.replace("|ID|", "|")
_STREET = (
    "street|st|avenue|ave|av|boulevard|blvd|road|rd|drive|dr|lane|ln|court|ct|circle|cir|place|pl"
    "|way|terrace|ter"
    "|parkway|pkwy|highway|hwy|square|sq|trail|trl|loop|alley|aly|plaza|plz|row|run|walk|path"
    "|pike|pass|crossing|xing"
    "|bend|cove|cv|ridge|rdg|hill|hills|hollow|creek|grove|glen|gardens?|heights|hts|island|isle"
    "|key|knolls?|lake|lakes"
    "|landing|lodge|manor|meadows?|mews|mill|mills|mission|mount|mountain|neck|oaks?|orchard|park"
    "|pines?|plains?|points?"
    "|port|prairie|ranch|rapids?|rest|river|route|shoals?|shores?|skyway|springs?|spurs?|station"
    "|stravenue|stream|summit"
    "|throughway|trace|track|trafficway|tunnel|turnpike|union|unions|valleys?|viaduct|views?"
    "|villages?|ville|vista"
    "|walks|wall|ways|wells?|estates?|expressway|extensions?|falls|ferry|fields?|flats?|fords?"
    "|forest|forges?|forks?"
    "|fort|freeway|gateway|greens?|groves|harbors?|haven|hollow|inlet|islands|junctions?|keys"
    "|land|lights?|locks?"
    "|mall|motorway|overpass|parks|passage|parkways|plain|radial|ramp|roads|routes|rue|squares"
    "|streets|streams"
    "|trafficway|underpass|burgs?|bypass|camp|canyon|cape|causeway|centers?|circles|cliffs?|club"
    "|common|commons|corners?"
    "|course|courts|coves|crescent|crest|crossroads?|curve|dale|dam|divide|drives|close|wharf"
    "|quay|brook|brooks|branch"
    "|bridge|bluffs?|beach|bayou|arcade|annex|anex|lights|loaf"
)
_UNIT = (
    r"(?:(?:apt|apartment|suite|ste|unit|rm|room|fl|floor|bldg|building|lot"
    r"|#)\.?[ \t]?#?[ \t]?[A-Z]?\-?\d{0,5}[A-Z]?\b)"
)

PLACES: tuple[Pattern, ...] = (
    shaped(
        "street",
        "LOCATION",
        rf"(?<![\w/\-.])\d{{1,6}}[A-Z]?(?:-\d{{1,5}})?[ \t]+(?!(?:L|of|the)\b)(?:(?:N|S|E|W|NE|NW"
        rf"|SE|SW|North|South"
        r"|East|West)\.?[ \t]+)?"
        rf"(?:(?:[A-Z][\w'’.\-]*|\d{{1,3}}(?:st|nd|rd|th)|de|la|of|the"
        rf"|del)[ \t]+){{1,4}}?(?i:{_STREET})\b\.?"
        rf"(?:[ \t]+(?:N|S|E|W|NE|NW|SE|SW)\b)?(?:[ \t]*,?[ \t]*(?i:{_UNIT}))?",
        score=0.7,
        lead="digit",
        digits=1,
    ),
    shaped(
        "street_unit",
        "LOCATION",
        r"(?<![\w/\-.])\d{1,6}[ \t]+(?:[A-Z][\w'’.\-]*[ \t]+){1,5}(?:\d{1,4}[ \t]+)?[ \t]*,"
        r"?[ \t]*(?:Apt|Suite|Ste|Unit)\b\.?[ \t]?#?[\w\-]{1,6}",
        score=0.7,
        lead="digit",
        digits=1,
    ),
    shaped(
        "street_city_zip",
        "LOCATION",
        r"(?<![\w/\-.])(?P<v>\d{1,6}[ \t]+(?:[A-Z][\w'’.\-]*[ \t,]+){1,4})(?:[A-Z][\w'’.\-]*[ \t]?"
        r"){1,3},?[ \t\n]{1,2}[A-Z]{2}[ ]\d{5}\b",
        score=0.65,
        lead="digit",
        digits=1,
    ),
    shaped(
        "city_state_zip",
        "LOCATION",
        r"(?<![\w.])(?P<v>[A-Z][\w'’.\-]+(?:[ \t][A-Z][\w'’.\-]+){0,2},?[ \t\n]{1,2}[A-Z]{2}\.?,?["
        r" ]{1,2}\d{5}(?:-\d{4})?)(?![\w\-])",
        score=0.65,
        lead="capital",
    ),
    shaped(
        "place_compound",
        "LOCATION",
        r"(?<![\w'’\-])(?:New|North|South|East|West|Lake|Port|Fort|Mount|Mt\.|Ft\.|Saint|St\.|San"
        r"|Santa|Santo|Los|Las|El|La|Le|Upper|Lower|Old|Great|Little|Grand|Cape|Glen|Rio|Palm"
        r"|Point|Punta)[ ][A-Z][a-zà-ÿ]{2,}(?:[ ](?:City|Beach|Park|Springs|Heights|Falls|Valley"
        r"|Hills|County|Township|Village|Lake|Harbor|Bay|Grove))?(?!\w)",
        score=0.42,
        lead="capital",
    ),
    shaped(
        "place_suffix",
        "LOCATION",
        r"(?<![\w'’\-])(?:(?!(?:At|In|From|To|The|On|Of|Near|By|And|With|For|Via|Left|Rm|Pt|Dr)["
        r" ])[A-Z][a-zà-ÿ]+[ ])?[A-Z][a-zà-ÿ']{2,}(?:town|ville|burgh?|borough|bury"
        r"|berg|fort|shire|mouth|stad|chester|haven|furt|side|view|port|field|ford|wood|land|ton"
        r"|ham|dale|stead|bridge|minster|cester|ridge|brook|grove|hurst|wick|worth|by|thorpe|gate"
        r"|combe|polis|stadt|dorf|heim)(?!\w)",
        score=0.4,
        lead="capital",
    ),
    anchored(
        "place_cue",
        "LOCATION",
        "live, living, resid, born, raised, grew up, grown up, moved, moving, relocated"
        ", travel, trip, visit, immigrated, emigrated, originally, native, flew, flown"
        ", drove, located, based, transferred, stationed, hometown, home town, from"
        ", practicing, practising, detained, imprisoned, arrested, registered, served"
        ", deployed, village, town, city, district, province, municipality, near, outside",
        r"(?<!\w)(?i:lives?|living|lived|resides?|residing|resided|born|raised|grew up|grown up"
        r"|moved|moving|relocated|travell?ed|travell?ing|trip|visiting|visited|immigrated"
        r"|emigrated|originally|native|resident|flew|flown|drove|located|based|transferred"
        r"|stationed|hometown|home town|from|practi[sc]ing|detained|imprisoned|arrested"
        r"|registered|served|deployed"
        r"|villages?|towns?|city|district|province|municipality|near|outside)[ ]"
        r"(?i:in|to|from|at|of|near|outside|is|around)?[ ]?(?:the[ ])?"
        r"(?P<v>[A-Z][\w'’\-]+(?:[ ](?:de|del|la|of|upon|sur|[A-Z][\w'’\-]+)){0,3}"
        r"(?:,[ ][A-Z][\w'’\-]+(?:[ ][A-Z][\w'’\-]+)?)?)(?!\w)",
        score=0.4,
        flags=0,
    ),
    labelled(
        "address_labelled",
        "LOCATION",
        "address, addr, home address, mailing address, street address, billing address,"
        " shipping address, street, residence, city, town, hometown, county, location,"
        " place of birth, birthplace, pob, employer, workplace, neighborhood, village,"
        " city/state, lives at, residing at, resides at, located at, delivered to, deliver to,"
        " ship to",
        value=(
            r"(?P<v>[A-Z0-9][^\n|;:]{1,80}?)(?=[ \t]*(?:$|\n|\||;|[ \t]{3,}|\.[ \n]|(?:Tel|Phone"
            r"|Fax|Email|DOB|MRN|SSN|Zip|State|City|Name|Sex|Age|Cell|PCP|Insurance)\b))"
        ),
        separator=r"[ \t]*(?:\([^)\n]{1,14}\))?[ \t]*(?:[:=]|\.{3,}:?|_{3,})[ \t]*\n?[ \t]*",
        score=0.6,
    ),
    shaped(
        "street_highway",
        "LOCATION",
        r"(?<![\w/])\d{1,6}[ \t]+(?:Highway|Hwy|Route|Rte|County Road|CR|State Road|SR|FM"
        r"|Farm Road|Old)[ \t]+\d{1,4}\b",
        score=0.7,
        lead="digit",
        digits=1,
    ),
    anchored(
        "address_block",
        "LOCATION",
        "suite , apt. , apt , ste , flat ",
        # From the number of the house to the code of the town, over the lines of a letter.
        r"(?<![\w/.\-])\d{1,5}[ ][^\n,;:|]{3,50}(?:,?[ ]|[ ]?\n[ >?|*]{0,8})(?:suite|apt\.?"
        r"|ste\.?|flat)[ ]"
        r"#?\d{1,5}[A-Z]?(?:,?[ ]?\n+[ >?|*]{0,8}[^\n\d:@]{2,40}){0,3}?(?:,?[ ]|[ ]?\n+[ >?"
        r"|*]{0,8})"
        r"(?:[^\n\d:@]{2,30}[ ])?\d{3,6}(?![\w\-])",
        score=0.55,
        before=60,
    ),
    shaped(
        "address_postcode",
        "LOCATION",
        r"(?<![\w/.\-])\d{1,4}[A-Za-z]?,?[ ][A-Z][^\n,\d]{2,40},(?:[ ]["
        r"A-Z][^\n,\d]{2,30},?){0,3}?[ ]"
        r"[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}(?!\w)",
        score=0.7,
        lead="digit",
        digits=1,
    ),
    shaped(
        "road_numbered",
        "LOCATION",
        r"(?<![\w/\-])(?:(?:Hwy|Highway|Route|Rte|Rt|Interstate|County (?:Road|Rd)|State (?:Road"
        r"|Route)"
        r"|Exit|Mile Marker|(?:RR|HC)(?=[ ]?\d{1,4}[ ,]{1,2}Box))\.?[ ]?\d{1,4}[A-Z]?|I-\d{1,3}"
        r"|US-\d{1,3})(?![\w/%\-]|\.\d)"
        r"(?:[ ](?:nb|sb|eb|wb|NB|SB|EB|WB|north|south|east|west))?"
        r"(?:[ ,]{1,2}Box[ ]\d{1,6}|[ ](?:and|&|at|near|off)[ ](?:the[ "
        r"])?[A-Z][\w'’]+(?:[ ][A-Z][\w'’]+"
        r"){0,2})?",
        score=0.55,
        lead="capital",
    ),
    shaped(
        "road_ordinal",
        "LOCATION",
        r"(?<![\w/\-])(?:[NSEW]\.?|North|South|East|West)[ ]\d{1,3}(?:st|nd|rd|th)(?![\w\-])"
        r"(?:[ ](?:and|&)[ ][A-Z][\w'’]+)?",
        score=0.5,
        lead="capital",
    ),
    shaped(
        "ward_unit",
        "LOCATION",
        r"(?<![\w/.\-])(?:\d{1,2}[NSEW]-\d{1,3}[A-D]?|\d{1,2}[ \-](?:North|South|East|West|Tower)"
        r"(?:[ ,]{1,2}(?i:bed|rm|room)[ ]?\d{1,4}[A-D]?)?)(?![\w\-])",
        score=0.5,
        lead="digit",
        digits=1,
    ),
    shaped(
        "unit",
        "LOCATION",
        r"(?<!\w)(?:Apt|Apartment|Suite|Ste|Unit)\.?[ \t]?#?[ \t]?(?:\d{1,5}[A-Z]?"
        r"|[A-Z]-?\d{1,4})(?!\w)",
        score=0.6,
        lead="capital",
    ),
    anchored(
        "po_box",
        "LOCATION",
        "p.o., po box, p o box, box ",
        r"(?:P\.?[ ]?O\.?[ ]?)?Box[ ]+#?\d{1,6}(?!\w)",
        score=0.7,
    ),
    shaped(
        "military_address",
        "LOCATION",
        r"(?<!\w)(?:(?:PSC|CMR|Unit)[ ]\d{1,5},?[ \n]*(?:Box[ ]\d{1,5}[ ,\n]*)?)?(?:APO|FPO|DPO"
        r"|USNS|USS|USNV|USCGC)\b[ \w]{0,20}?[ ,\n]*(?:AA|AE|AP)[ ]\d{5}",
        score=0.75,
        lead="capital",
    ),
    shaped(
        "us_zip",
        "ZIP_CODE",
        rf"(?<!\w)(?:{_ZIP_STATES})\.?,?[ \t\n]{{1,3}}(?P<v>\d{{5}}(?:-\d{{4}})?)(?![\w\-])",
        score=0.75,
        lead="code",
    ),
    shaped(
        "us_zip_idaho",
        "ZIP_CODE",
        r"ID[ \t]{1,2}83[2-8]\d{2}(?:-\d{4})?(?![\w\-])",
        score=0.7,
        lead="code",
        context=r"(?<!\w)[A-Z][\w.'\-]+,?[ \t\n]{1,2}",
    ),
    shaped(
        "us_zip4",
        "ZIP_CODE",
        r"(?<![\w\-/.])\d{5}-\d{4}(?![\w\-/])",
        score=0.6,
        lead="digit",
        digits=9,
    ),
    shaped(
        "us_state_zip",
        "LOCATION",
        rf"(?<!\w)(?P<v>{_ZIP_STATES})(?=\.?,?[ \t\n]{{1,3}}\d{{5}}(?![\w\-]))",
        score=0.7,
        lead="code",
    ),
    shaped(
        "us_city_state",
        "LOCATION",
        r"(?<![\w.])(?P<v>(?:(?:St|Ft|Mt)\.[ ])?[A-Z][\w'’.\-]+(?:[ \t](?:of|or|and|de|del|la"
        rf"|[A-Z][\w'’.\-]+)){{0,3}},[ \t]{{0,2}}(?!ID[ ](?:\d(?!3[2-8])|(?i:card|number|badge|no"
        rf"|band)))("
        rf"?:{US_STATES}|AB|BC|MB|NB|NS|QC|SK))(?=\.?,?[ \t\n]{{0,3}}(?:\d{{5}}"
        r"|[.,;:)\n]|$|[a-z])|[ ]{2}|\t|[ ]?\|)(?![\w])",
        score=0.6,
        lead="capital",
    ),
    labelled(
        "zip_labelled",
        "ZIP_CODE",
        "zip, zip code, zipcode, postal code, postcode, post code, area code zip, zips",
        value=r"(?P<v>\d{5}(?:-\d{4})?|\d{3}(?=\b)|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})(?![\w\-])",
        separator=r"[ \t]*(?:[:=#|]|is\b|of\b)?[ \t]*\n?[ \t]*",
        score=0.8,
    ),
    shaped(
        "uk_postcode",
        "ZIP_CODE",
        r"(?<![\w\-/])[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}(?!\w)",
        score=0.65,
        lead="code",
    ),
    labelled(
        "room",
        "LOCATION",
        "room, rm, bed, ward, bay, room/bed, unit/bed, floor",
        value=(
            r"(?P<v>(?=[A-Za-z]{0,4}-?\d)[A-Za-z0-9]{1,6}(?:[\-/][A-Za-z0-9]{1,4})*(?:[ ,]{1,2}(?:"
            r"bed|bay)[ ]?[A-Za-z0-9]{1,4})?)(?![\w%]|\.\d)"
        ),
        separator=r"(?:[ \t]*(?:number|no\.?|#))?[ \t]*[:#]?[ \t]*(?:bed[ \t]*)?",
        score=0.6,
    ),
    shaped(
        "bed",
        "LOCATION",
        r"(?<!\w)(?:Bed|BED|Rm|Bay)[ ]?#?(?P<v>\d{1,4}[A-D]?)(?!\w|\.\d)",
        score=0.5,
        lead="capital",
    ),
    shaped(
        "coordinates",
        "LOCATION",
        r"(?<![\w.])-?\d{1,2}\.\d{4,10}[°]?[ ]?[NS]?,[ ]{0,2}-?\d{1,3}\.\d{4,10}[°]?[ ]?[EWO]?(?!"
        r"\w)",
        score=0.7,
    ),
)

_CAP = r"[A-Z][\w'’.\-]*"
_NAME = r"[A-Z](?:[\w'’\-]|\.(?=\w))*"
_ORG_TAIL = (
    r"Hospitals?|SNF|ALF|Nursing Facility|Assisted Living|Care Home|Manor|Clinics?"
    r"|Medical Center|Medical Centre|Medical Group|Med Center|Health Center"
    r"|Health System|Healthcare|Health"
    r"|Hospice|Infirmary|Nursing Home|Rehab|Rehabilitation|Rehabilitation Center|Care Center"
    r"|Cancer Center|Surgery Center"
    r"|Memorial|General|Regional|VA|VAMC|University|College|High School|Elementary"
    r"|Elementary School|Middle School|School"
    r"|Academy|Institute|Foundation|Church|Pharmacy|Laboratory|Laboratories|Labs|Center|Centre"
    r"|Community Hospital"
    r"|Inc|LLC|LLP|Ltd|Limited|PLC|Corp|Corporation|Company|Co|Group|Partners|Associates"
    r"|Industries|Holdings|Solutions"
    r"|Systems|Technologies|Services|Bank|Insurance|Airlines|Motors|Foods|Enterprises|Consulting"
    r"|and Sons|& Sons|& Co"
    r"|Orchestra|Country Club|Hotel|Restaurant|Cafe|Police Department|Fire Department"
    r"|Department of [A-Z]\w+|Shelter|Ministries"
    r"|Law Firm|Law Office|Law Offices|Pediatrics|Orthopedics|Cardiology Associates"
    r"|Family Practice|Family Medicine|Dental|Urgent Care|Skilled Nursing|Behavioral(?: Health)?"
    r"|Home Health|Senior Living|Assisted Living|Palliative|Diagnostics|Imaging|Radiology"
    r"|Physicians|Recovery|Counseling|Rehabilitation Hospital|Parenthood|Helicopters?|Airlines"
    r"|Children's|Women's|Dermatology|Orthopaedics|Nephrology|Rheumatology|Surgical"
)
#: Pharmacies, insurers, laboratories and chains that notes name without saying what they are.
_CHAINS = (
    "CVS|Walgreens|Rite Aid|Publix|Kroger|Costco|Walmart|Wal-Mart|Sam's Club|Safeway|Wegmans|Meijer"
    "|Duane Reade|Express Scripts|OptumRx|Caremark|DaVita|Fresenius|Amedisys|Lincare|Apria|Bayada"
    "|Gentiva|Kindred|Encompass|Genesis|Brookdale|Kaiser(?: Permanente)?|Aetna|Cigna|Humana"
    "|Anthem(?: BCBS| Blue Cross)?|BCBS(?: of [A-Z][a-z]+)?|Blue Cross(?: Blue Shield)?"
    "|UnitedHealthcare|UnitedHealth|United Healthcare|UHC|Medi-Cal|Molina|Centene|WellCare|Tricare"
    "|TRICARE|Oxford Health|Geico|GEICO|Allstate|State Farm|Sedgwick|Gallagher Bassett|LabCorp"
    "|Labcorp|Quest Diagnostics|Sutter|Geisinger|Intermountain|Ascension|HCA|Tenet|Dignity"
    "|Cedars-Sinai|Mass General|MGH|BWH|UCSF|UCLA|UCSD|NYU Langone|NYU|UPMC|UAB|UTSW|OHSU|BIDMC"
    "|MSKCC|Sloan Kettering|MD Anderson|Dana-Farber|City of Hope|Mayo Clinic|Mayo"
    "|Johns Hopkins|Hopkins|Motel 6|Super 8|Greyhound|Amtrak|Uber|Lyft|Amazon|FedEx|UPS|USPS"
    "|Starbucks|McDonald's|Home Depot|Lowe's|Goodwill|Salvation Army"
)
ORGANIZATIONS: tuple[Pattern, ...] = (
    shaped(
        "org_chain",
        "ORGANIZATION",
        rf"(?<![\w'’\-])(?:{_CHAINS})(?![\w\-])(?:[ ]#?\d{{2,5}}(?![\w/]))?",
        score=0.4,
        lead="capital",
    ),
    shaped(
        "org_tail",
        "ORGANIZATION",
        rf"(?<![\w'’])(?:(?:St|Mt|Ft)\.?[ ])?(?:{_CAP}[ ](?:(?:of|the|for|and|&"
        rf"|de)[ ]){{0,2}}){{1,5}}?(?:{_ORG_TAIL})(?!\w)",
        score=0.45,
        lead="capital",
    ),
    anchored(
        "org_of_work",
        "ORGANIZATION",
        "work, stud, teaches, taught, employed, job, retired, machinist, teacher, nurse"
        ", cook, manager, hospice, cashier, clerk",
        r"(?<!\w)(?:[Ww]ork(?:s|ed|ing)|[Ss]tud(?:ent|ies|ied|ying)|[Tt]eaches|[Tt]aught"
        r"|[Ee]mployed|[Jj]ob"
        r"|[Rr]etired|[Mm]achinist|[Tt]eacher|[Nn]urse|[Cc]ook|[Mm]anager|[Hh]ospice|[Cc]ashier"
        r"|[Cc]lerk)[ ]"
        r"(?:at|for|by|from|w/|with)[ ](?:the[ ])?"
        rf"(?P<v>{_NAME}(?:[ ](?:(?:of|and|&)[ ])?{_NAME}){{0,3}})(?![\w])",
        score=0.4,
        flags=0,
    ),
    shaped(
        "org_lower",
        "ORGANIZATION",
        r"(?<=\b(?:at|to) )(?![a-z. ]*\b(?:for|in|a|and|an|my|his|her|their|the|from|with) )(?!"
        r"(?:the|this|our|your|my|an?|his|her|their|that|outside|local"
        r"|another|any|each|same) )(?:[a-z][a-z'.]+ ){1,3}(?:general hospital|memorial hospital"
        r"|medical center|hospital|general|memorial|clinic|health center|university)(?!\w)",
        score=0.35,
    ),
    shaped(
        "org_partners",
        "ORGANIZATION",
        r"(?<!\w)[A-Z][a-z'’]+(?:, [A-Z][a-z'’]+){1,3},? (?:and"
        r"|&) [A-Z][a-z'’]+(?:[A-Z][a-z]+)?(?: LLP| PLLC| PC)?(?!\w)",
        score=0.35,
        lead="capital",
    ),
    shaped(
        "org_hyphen",
        "ORGANIZATION",
        r"(?<=(?:by|at|to|or) )[A-Z][a-z'’]{2,}-[A-Z][a-z'’]{2,}(?![\w\-])",
        score=0.4,
    ),
    shaped(
        "org_saint",
        "ORGANIZATION",
        r"(?<!\w)(?:St\.?|Saint|Mount|Mercy|Our Lady of|Providence|Kaiser|Mayo|Cleveland|Baptist"
        r"|Methodist|Presbyterian|Sacred Heart|Good Samaritan)[ ][A-Z][\w'’]+(?:[ ](?:Medical Cent"
        r"er|Hospital|Clinic|Health|Permanente))?(?!\w)",
        score=0.4,
        lead="capital",
    ),
)

PATTERNS: tuple[Pattern, ...] = ORGANIZATIONS + PLACES
