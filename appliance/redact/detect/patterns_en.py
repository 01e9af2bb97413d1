"""English patterns: US and UK identifiers, labels of clinics, banks, courts and offices."""

from __future__ import annotations

import re

from appliance.redact.detect import checksums
from appliance.redact.detect.patterns import (
    WEAK_VALUE,
    Pattern,
    anchored,
    labelled,
    shaped,
)
from appliance.redact.detect.patterns_common import month_dates

_MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
    "|jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec"
)
US_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY"
    "|NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC|PR|VI|GU|AS|MP|AA|AE|AP"
)
_STREET = (
    "street|st|avenue|ave|av|boulevard|blvd|road|rd|drive|dr|lane|ln|court|ct|circle|cir|place|pl|way|terrace|ter"
    "|parkway|pkwy|highway|hwy|square|sq|trail|trl|loop|alley|aly|plaza|plz|row|run|walk|path|pike|pass|crossing|xing"
    "|bend|cove|cv|ridge|rdg|hill|hills|hollow|creek|grove|glen|gardens?|heights|hts|island|isle|key|knolls?|lake|lakes"
    "|landing|lodge|manor|meadows?|mews|mill|mills|mission|mount|mountain|neck|oaks?|orchard|park|pines?|plains?|points?"
    "|port|prairie|ranch|rapids?|rest|river|route|shoals?|shores?|skyway|springs?|spurs?|station|stravenue|stream|summit"
    "|throughway|trace|track|trafficway|tunnel|turnpike|union|unions|valleys?|via|viaduct|views?|villages?|ville|vista"
    "|walks|wall|ways|wells?|estates?|expressway|extensions?|falls|ferry|fields?|flats?|fords?|forest|forges?|forks?"
    "|fort|freeway|gateway|greens?|groves|harbors?|haven|hollow|inlet|islands|junctions?|keys|land|lights?|locks?"
    "|mall|motorway|overpass|parks|passage|parkways|plain|radial|ramp|roads|routes|rue|squares|streets|streams"
    "|trafficway|underpass|burgs?|bypass|camp|canyon|cape|causeway|centers?|circles|cliffs?|club|common|commons|corners?"
    "|course|courts|coves|crescent|crest|crossroads?|curve|dale|dam|divide|drives|close|wharf|quay|brook|brooks|branch"
    "|bridge|bluffs?|beach|bayou|arcade|annex|anex|lights|loaf"
)
_UNIT = r"(?:(?:apt|apartment|suite|ste|unit|rm|room|fl|floor|bldg|building|lot|#)\.?[ \t]?#?[ \t]?[A-Z]?\-?\d{0,5}[A-Z]?\b)"

IDENTIFIERS: tuple[Pattern, ...] = (
    shaped(
        "us_ssn",
        "US_SSN",
        r"(?<![\w\-/.])\d{3}([\- .])\d{2}\1\d{4}(?![\w\-/])(?!\.\d)",
        score=0.7,
        check=checksums.ssn,
        lead="digit",
        digits=9,
    ),
    anchored(
        "us_ssn_masked",
        "US_SSN",
        "xxx, ***, ###",
        r"(?<![\w\-/.])[xX*#]{3}([\- ])[xX*#]{2}\1\d{4}(?![\w\-/])",
        score=0.8,
    ),
    labelled(
        "us_ssn_labelled",
        "US_SSN",
        "ssn, ss, social, social security, soc sec, ssn last four, ssn last 4, last four of ssn, last 4 of ssn, last four of social, social insurance, sin, national insurance, ssn4",
        value=r"(?P<v>\d{3}[ \-.]?\d{2}[ \-.]?\d{4}|[xX*#]{2,5}[ \-]?[xX*#]{0,2}[ \-]?\d{4}|\d{3} ?\d{3} ?\d{3}|\d{4})(?![\w\-])",
        score=0.9,
        check=checksums.ssn,
    ),
    shaped(
        "us_itin",
        "US_ITIN",
        r"(?<![\w\-/])9\d{2}[\- ](?:5\d|6[0-5]|[78]\d|9[0-24-9])[\- ]\d{4}(?![\w\-/])",
        score=0.75,
        lead="digit",
        digits=9,
    ),
    labelled(
        "us_npi",
        "US_NPI",
        "npi",
        value=r"(?P<v>\d{10})(?!\d)",
        score=0.8,
        check=checksums.npi,
    ),
    shaped(
        "us_mbi",
        "US_MBI",
        r"(?<![\w\-])[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}(?![\w\-])",
        score=0.85,
        lead="digit",
        digits=1,
    ),
    shaped(
        "us_dea",
        "US_DEA",
        r"(?<!\w)[A-HJ-MP-UX][A-Z9]\d{7}(?!\w)",
        score=0.7,
        check=checksums.dea,
        check_required=True,
        lead="capital",
    ),
    labelled(
        "us_routing",
        "ABA_ROUTING_NUMBER",
        "routing, aba, rtn, routing transit, sort code",
        value=r"(?P<v>\d{9}|\d{4}-?\d{4}-?\d|\d{2}-?\d{2}-?\d{2})(?![\w\-])",
        check=checksums.aba,
    ),
    labelled(
        "us_tax",
        "US_TAX_ID",
        "ein, fein, tin, itin, tax id, tax, taxpayer, taxpayer id, vat, vat reg, utr, federal id",
        value=r"(?P<v>(?=(?:[A-Z\-]*\d){5})[A-Z0-9][A-Z0-9\- ]{5,18}[A-Z0-9])(?![\w\-])",
    ),
    shaped(
        "us_ein",
        "US_TAX_ID",
        r"(?<![\w\-/.])\d{2}-\d{7}(?![\w\-/.])",
        score=0.55,
        lead="digit",
        digits=9,
    ),
    shaped(
        "uk_nino",
        "UK_NINO",
        r"(?<!\w)(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)",
        score=0.8,
        lead="capital",
    ),
    shaped(
        "uk_nhs",
        "UK_NHS",
        r"(?<![\w\-/.+])\d{3}[ \-]\d{3}[ \-]\d{4}(?![\w\-/])",
        score=0.45,
        check=checksums.nhs,
        check_required=True,
        lead="digit",
        digits=10,
    ),
    labelled(
        "uk_nhs_labelled",
        "UK_NHS",
        "nhs",
        value=r"(?P<v>\d{3}[ \-]?\d{3}[ \-]?\d{4})(?!\d)",
        check=checksums.nhs,
    ),
)

_W = WEAK_VALUE
LABELS: tuple[Pattern, ...] = (
    labelled(
        "mrn",
        "MEDICAL_RECORD_NUMBER",
        "mrn, mrns, mrno, mr no, mr number, mr, m.r.n., m.r., medical record, medical rec, med rec, medrec, med record, health record, patient record, hospital record, patient id, patient identifier, pt id, patient number, patient no, pt number, unit number, unit no, hospital number, hospital no, hospital id, empi, epi, uhid, emr, ehr, emr id, ehr id, record number, record no, record id, clinic number, clinic no, chart number, chart no",
    ),
    labelled("chart", "MEDICAL_RECORD_NUMBER", "chart, record, unit, file", value=_W, score=0.6),
    labelled(
        "health_plan",
        "HEALTH_PLAN_ID",
        "member id, member number, member no, member #, subscriber id, subscriber, beneficiary id, beneficiary, policy number, policy no, policy id, policy #, insurance id, insurance number, insurance no, insurance policy, insurance card, health plan id, health plan number, health insurance, plan id, medicare, medicaid, mbi, hicn, hic, payer id, group number, group no, group id, group #, rxbin, rx bin, pcn, rx group, rxgrp, authorization number, authorization, auth no, auth, prior auth, preauthorization, referral number, referral no, insured id, id card, enrollee id, cardholder id, eligibility id, insurance code, nhs, hmo id, ppo id, coverage id",
        value=_W,
        score=0.8,
    ),
    labelled(
        "health_plan_plain",
        "HEALTH_PLAN_ID",
        "policy, member, insurance, group, plan, subscriber, payer, ins",
        value=_W,
        score=0.6,
    ),
    labelled(
        "account",
        "ACCOUNT_NUMBER",
        "account, accounts, acct, acc no, acc number, a/c, bank account, checking, savings, patient account, billing account, billing, bill number, billing id, har, fin, invoice, invoice id, statement number, loan, loan number, loan id, customer id, customer number, customer no, customer, client id, client number, client no, iban, credit card, card number, card no, debit card, card, card ending in, card ending, account ending in, ending in, wallet id, wallet address, payment id, transaction id, transaction number, transaction, transfer id, wire, receipt number, receipt no, receipt, merchant id, mid",
        value=_W,
        score=0.75,
    ),
    labelled(
        "visit",
        "ENCOUNTER_ID",
        "csn, encounter, encounter id, visit, visit id, visit number, visit no, admission number, admission no, admission id, episode id, contact serial, appointment id, appointment number, booking id, booking reference, booking number, session id",
        value=_W,
        score=0.75,
    ),
    labelled(
        "case",
        "CASE_NUMBER",
        "case, case number, case no, case id, case #, claim, claim number, claim no, claim id, claim #, docket, docket no, docket number, cause no, index no, file number, file no, file ref, incident, incident number, incident report, report number, report no, report id, police report, complaint number, complaint no, ticket, ticket number, ticket id, matter, matter number, run #, run number, ems run, dispatch, call number, confirmation, confirmation number, confirmation code, tracking, tracking number, tracking no, order number, order no, order id, order #, order, requisition, req no, req #, application number, application no, application id, reference number, reference no, reference, ref no, ref number, ref, our ref, your ref, refno, warrant no, petition no, appeal no, court file, grievance no, request id, request number, job number, work order, shipment, parcel, awb",
        value=_W,
        score=0.75,
    ),
    labelled(
        "specimen",
        "SPECIMEN_ID",
        "accession, accession number, accession no, acc #, acc no, specimen, specimen id, specimen number, sample id, sample number, sample no, sample, lab no, lab id, lab number, lab #, pathology no, path no, slide, block no, surgical number, study id, study number, subject id, subject number, subject no, subject, participant id, participant number, participant, screening number, randomization number, randomization id, protocol id, trial id, barcode, image id, exam number, exam id, donor id, transplant id, unos id, registry id, cohort id",
        value=_W,
        score=0.75,
    ),
    labelled(
        "device",
        "DEVICE_ID",
        "serial, serial number, serial no, serial #, s/n, sn, ser no, device, device id, device identifier, device serial, implant, implant id, implant serial, udi, lot, lot number, lot no, lot #, batch number, batch no, batch, model number, model no, pacemaker serial, generator serial, imei, imsi, iccid, meid, asset tag, asset id, mac, mac address, pump serial, ref/lot, gtin, android id, advertising id, machine id, license key, product key",
        value=_W,
        score=0.7,
    ),
    anchored(
        "device_serial",
        "DEVICE_ID",
        "sn, s/n",
        r"s/?n[ :#]{1,3}(?=(?:[A-Z\-]*\d){3})[A-Z0-9][A-Z0-9\-]{3,24}(?![\w\-])",
        score=0.8,
    ),
    labelled(
        "licence",
        "LICENSE_NUMBER",
        "license, licence, license number, licence number, license no, license #, lic, lic no, lic #, dl, dl no, driver's license, drivers license, driver license, driver's licence, driving licence, driving license, driver’s license, medical license, state license, nursing license, certificate, certificate number, certificate no, cert no, certification number, registration, registration number, registration no, reg no, reg number, registration id, dea, dea number, dea no, upin, gmc, gmc number, nmc pin, gdc, bar number, bar no, permit, permit number, permit no, firearm license, pilot license, contractor license",
        value=_W,
        score=0.75,
    ),
    labelled(
        "passport",
        "US_PASSPORT",
        "passport, passport number, passport no, visa, visa number, visa no, alien number, alien registration, a-number, uscis, i-94, green card, national id, national identity, citizen id, id card, identity card, aadhaar, aadhar, pan, pan card, emirates id, voter id, voter registration, resident permit",
        value=_W,
        score=0.8,
    ),
    labelled(
        "vehicle",
        "VEHICLE_ID",
        "plate, plates, license plate, licence plate, plate number, plate no, vehicle plate, tag number, tag no, vin, vehicle identification, vehicle registration, vehicle reg, vehicle id, chassis number, chassis no, number plate, reg plate",
        value=r"(?P<v>(?=[A-Za-z \-]{0,8}\d)[A-Za-z0-9]{1,4}(?:[ \-][A-Za-z0-9]{2,5}){1,2}(?!\w)|(?=[A-Za-z\-]*\d)[A-Za-z0-9][A-Za-z0-9\-]{2,18}[A-Za-z0-9])",
        score=0.8,
    ),
    labelled(
        "employee",
        "ID_NUMBER",
        "employee id, employee number, employee no, employee #, employee, emp id, emp no, badge, badge number, badge no, badge id, staff id, staff number, student id, student number, student no, worker id, payroll id, payroll number, personnel number, user id, userid, device user id, member code, profile id, military id, service number, dod id, edipi, inmate number, inmate no, inmate id, booking no, prisoner number, offender id, doc number, library card, loyalty number, rewards number, frequent flyer, membership number, membership no, membership id, membership, fingerprint id, biometric id, voiceprint id, template id, retina id, face id, gamer id, pnr, provider id, provider number, physician id, clinic id, facility id, pharmacy id, rx number, rx no, rx #, rx, prescription number, prescription no, prescription, ncpdp, tracking id, cookie id, identifier, id, id number, id no, id #",
        value=_W,
        score=0.7,
    ),
    anchored(
        "id_generic",
        "ID_NUMBER",
        "number, no., num, #, id",
        r"(?:numbers?|nos?\.|num\.?|#|id)[ \t]*[:#]?[ \t]*(?:is[ \t]+|was[ \t]+)?"
        r"(?P<v>(?=(?:[A-Z.\-]*\d){5})[A-Z0-9][A-Z0-9\-]{3,28}[A-Z0-9])(?![\w\-])(?!,\d)",
        score=0.55,
    ),
    anchored(
        "application_numbers",
        "CASE_NUMBER",
        "no., nos., no , nos ",
        r"nos?\.?[ \t\n]{0,2}(?P<v>\d{1,6}/\d{2,4}(?:(?:,| and|;|, and| &)[ \n]\d{1,6}/\d{2,4})*)(?!\w)",
        score=0.8,
    ),
    shaped(
        "id_bare",
        "ID_NUMBER",
        r"(?<![\w.,/$€£#+*=<>:\-])\d{6,12}(?:-\d{1,4})?(?![\w/%\-]|[.,:]\d|[ ]?(?:mg|mcg|ml|units?|IU|cells|copies|/|x|U/|ng|pg|g\b|K\b|M\b|people|patients|dollars|USD|rpm|bp\b|base))",
        score=0.4,
        lead="digit",
        digits=6,
    ),
    shaped(
        "id_lettered",
        "ID_NUMBER",
        r"(?<![\w.,/$€£#+*=<>:\-])[A-Z]{1,3}-?\d{6,12}(?:-\d{1,4})?(?![\w/%\-]|[.,:]\d|[ ]?(?:mg|mcg|ml|units?|IU|cells|copies|/|x|U/|ng|pg|g\b|K\b|M\b|people|patients|dollars|USD|rpm|bp\b|base))",
        score=0.4,
        lead="capital",
    ),
    shaped(
        "id_grouped",
        "ID_NUMBER",
        r"(?<![\w.,/$\-])\d{3}-\d{2}-\d{2}(?![\w/\-])",
        score=0.5,
        lead="digit",
        digits=7,
    ),
    shaped(
        "id_mixed",
        "ID_NUMBER",
        r"(?<![\w./\-@])(?=[A-Z\-]*\d)(?=(?:[A-Z0-9\-]*\d){5})[A-Z]{1,4}-?[A-Z0-9]{2,}(?:-[A-Z0-9]{1,12}){0,3}(?![\w\-@/])",
        score=0.4,
        lead="capital",
    ),
    labelled(
        "username",
        "USERNAME",
        "username, user name, user id, userid, login, login id, screen name, handle, twitter, instagram, skype, telegram, mychart, portal id, portal login, portal user, aol, aim, icq, venmo, cashapp, paypal, tiktok, reddit, linkedin, snapchat, discord, github, gamertag, im handle",
        value=r"(?P<v>(?=[\w.@\-]*[\d_@.\-])[\w@][\w.@#\-]{2,40}\w)",
        separator=r"[ \t]*(?:[:=]|\bis\b|\bwas\b)?[ \t]*[\"'“‘]?",
        score=0.7,
    ),
    labelled(
        "username_assigned",
        "USERNAME",
        "username, user name, userid, user id, login",
        value=r"(?P<v>[^\s\"',;]{3,40}[\w])",
        separator=r"[ \t]*(?:[:=][ \t]*[\"'“‘]?|[\"'“‘])",
        score=0.7,
    ),
    labelled(
        "password",
        "PASSWORD",
        "password, passwd, passphrase, passcode, pwd, pin code, pin, pin number, secret key, api key, apikey, api token, access token, access key, private key, auth token, security answer, token, otp, secret",
        value=r"(?P<v>(?=[^\s\"']*[\d!@#$%^&*_])[^\s\"',;]{3,128}[^\s\"',;.)])",
        separator=r"[ \t]*(?:[:=]|\bis\b|\bwas\b|\bset to\b|\bof\b)?[ \t]*[\"'“‘`(]?",
        score=0.75,
    ),
)

_PHONE = (
    r"(?=(?:[ ().\-/]{0,3}\d){7,15}(?!\d))\+?\(?\d[\d ().\-/]{5,20}\d"
    r"(?:[ \t,]{0,2}(?:x|ext\.?|extension)[ \t.]?\d{1,6})?"
)
PHONES: tuple[Pattern, ...] = (
    shaped(
        "phone_us",
        "PHONE_NUMBER",
        r"(?<![\w\-/.+])(?:\+?1[\-. ]{0,2})?(?:\(\d{3}\)[ \-.]{0,2}|\d{3}[\-. /])\d{3}[\-. ]\d{4}"
        r"(?:[ \t,]{0,2}(?:x|ext\.?|extension)[ \t.]?\d{1,6})?(?![\w\-/])(?!\.\d)",
        score=0.7,
        flags=re.IGNORECASE,
        lead="digit",
        digits=10,
    ),
    shaped(
        "phone_area",
        "PHONE_NUMBER",
        r"(?<![\w\-/.+])(?:\+?\d{1,3}[\-. ]{0,2})?\(0?\d{2,5}\)[ \-.]?\d{3,5}[ \-.]?\d{3,4}"
        r"(?:[ \t]?x[ \t]?\d{1,6})?(?![\w\-/])",
        score=0.65,
        lead="digit",
        digits=8,
    ),
    shaped(
        "phone_groups",
        "PHONE_NUMBER",
        r"(?<![\w\-/.+,])(?:0\d{1,4}([ .\-/])\d{2,4}(?:[ .\-]\d{2,4}){1,4}|0\d{2,4}[ /\-]\d{5,8}|\d{2}([ .\-])\d{2}\2\d{2}\2\d{2}(?:\2\d{2})?)"
        r"(?![\w\-/])(?!\.\d)",
        score=0.5,
        lead="digit",
        digits=7,
    ),
    shaped(
        "phone_three_groups",
        "PHONE_NUMBER",
        r"(?<![\w\-/.+,$])\d{2,3} \d{2,4} \d{2,4}(?: \d{2,4})?(?=[ \-]?(?i:office|fax|mobile|cell|home|phone|desk|work))",
        score=0.6,
        lead="digit",
        digits=6,
    ),
    shaped(
        "phone_001",
        "PHONE_NUMBER",
        r"(?<![\w\-/.+])00\d{1,3}[\-. ](?:\(?\d{2,5}\)?[\-. ]?){1,4}\d(?:x\d{1,6})?(?![\w\-/])",
        score=0.65,
        lead="digit",
        digits=6,
    ),
    labelled(
        "phone_labelled",
        "PHONE_NUMBER",
        "phone, phones, telephone, tel, tel., ph, ph., cell, cellphone, cell phone, mobile, mob, mobile phone, fax, facsimile, home phone, work phone, office phone, home, work, office, contact, contact number, call, call at, called, callback, call back, text, reach, reached at, dial, whatsapp, voicemail, hotline, landline, clinic, pharmacy, emergency contact, daytime, evening, c:, h:, w:, t:, p:, f:, number, me at, him at, her at, them at, us at, me on, answering at, messages to, message to, registered, desk, direct, switchboard, sms, texted, texted to, call to, voice, main, toll free, after hours",
        value=rf"(?P<v>{_PHONE})(?![\w\-/])(?!\.\d)",
        separator=r"(?:[ \t](?:phone|number|no|#|cell|me|him|her|them|us|mom|dad|wife|husband|at|on|back))*\.?[ \t]*(?:\([a-z]{1,10}\))?[ \t]*[:#=]?[ \t]*\n?[ \t]*(?:is[ \t]+|at[ \t]+|on[ \t]+)*[\"']?",
        score=0.75,
    ),
    labelled(
        "pager",
        "PHONE_NUMBER",
        "pager, pgr, beeper, bleep, page, paged, ext, ext., extension, ex., vocera, spectralink, dect, call, phone, tel, fax, cell, desk",
        value=r"(?P<v>(?:x|ext\.?)?[ ]?#?\d{3,7}(?:-\d{4})?)(?![\w\-/])(?!\.\d)(?!\s?(?:mg|ml|days?|hours?|hrs?|am\b|pm\b))",
        separator=r"[ \t]*(?:number|no|id|to|at|on|#)?\.?[ \t]*[:#=]?[ \t]*(?:is[ \t]+|at[ \t]+)?[(]?",
        score=0.7,
    ),
    shaped(
        "extension",
        "PHONE_NUMBER",
        r"(?<![\w.])(?:x|X|ext\. ?|Ext\. ?)\d{4,6}(?![\w.\-/])",
        score=0.6,
    ),
    shaped(
        "phone_local",
        "PHONE_NUMBER",
        r"(?<![\w\-/.+])\d{3}[\-.]\d{4}(?![\w\-/])(?!\.\d)",
        score=0.5,
        lead="digit",
        digits=7,
    ),
)

_ON = (
    r"on|since|from|dated?|until|till|til|thru|through|by|for|down|spine|started|seen|admitted|discharged|adm|d/c|dc|dob|born|between|rtc"
    r"|last|next|f/u|due|visit|appt|appointment|surgery|exam|note|labs?|before|after|around|approx|about|as of|to|of|-|–|scheduled|expired|died|injury|ekg|mri|ct|cxr|cx|echo|us|removed|placed|stopped|completed|done|performed|updated?|reviewed|signed|filed|collected|drawn|received"
)
#: A month and a day, and what follows when it is a ratio, a strength or a dose after all.
_MD = r"(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])"
_NOT_RATIO = (
    r"(?![\w/%\-]|\.\d|[ ]?(?i:strength|murmur|pain|tabs?\b|tablet|cup|of\b|mg|ml|cm|hrs?\b|in severity|on pain|power"
    r"|motor|systolic|diastolic|sem\b|reps|sets|inch|lb|blood culture|bottles|extremit))"
)
DATES: tuple[Pattern, ...] = (
    *month_dates("en", _MONTHS, link="of|in", ordinal="st|nd|rd|th"),
    shaped(
        "en_month_day",
        "DATE_TIME",
        rf"(?<![\w/.]){_MD}{_NOT_RATIO}",
        score=0.5,
        lead="digit",
        digits=2,
        context=rf"(?<!\w)(?i:{_ON}|[a-z]{{3,}}ed|[a-z]{{3,}}ing)[ \t]{{0,2}}:?[ \t]*\(?",
    ),
    shaped(
        "en_month_day_word",
        "DATE_TIME",
        rf"(?<![\w/.])(?:0?[1-9]|1[0-2])/(?:0?[79]|1[1-9]|[23]\d){_NOT_RATIO}",
        score=0.45,
        lead="digit",
        digits=2,
        context=r"[A-Za-z,;(][ (]",
    ),
    shaped(
        "en_month_day_range",
        "DATE_TIME",
        rf"(?<![\w/.])(?P<v>{_MD}[ ]?(?:-|–|to|through|thru)[ ]?{_MD}){_NOT_RATIO}",
        score=0.45,
        lead="digit",
        digits=4,
    ),
    shaped(
        "en_month_day_opening",
        "DATE_TIME",
        rf"(?m)(?:^[ \t]*(?:\d{{1,2}}[.)] |[\-*•] ?)?|[;|][ \t]?)(?P<v>{_MD})(?=[ \t]*(?:[:)\-,;|]|[A-Za-z])|[ \t]*$){_NOT_RATIO}",
        score=0.45,
    ),
    shaped(
        "en_year_bare",
        "DATE_TIME",
        r"(?<![\w/.,$€£#:@+\-])(?<!at )(?<!@ )(?<!x )(?:19[3-9]\d|20[0-3]\d)(?![\w/%:\-]|\.\d|,\d|[ ]?(?i:mg|ml|mcg|units?|iu|cc|kcal|cal|calories|steps|hrs?|hours|patients|people|cases|h\b|g\b|meters|cells|ft|copies|gmt|est|pst|edt|utc|psi|rpm|points?|dollars|euros|words|tokens))",
        score=0.4,
        lead="digit",
        digits=4,
    ),
    shaped(
        "en_year_quarter",
        "DATE_TIME",
        r"(?<!\w)(?:Q[1-4][ /\-]?(?:19|20)\d{2}|(?:19|20)\d{2}[ \-/]Q[1-4])(?!\w)",
        score=0.6,
    ),
    anchored(
        "en_ordinal_day",
        "DATE_TIME",
        "on the, until the, by the, since the, from the",
        r"(?:on|until|by|since|from) the (?P<v>\d{1,2}(?:st|nd|rd|th))(?! (?:percentile|floor|day|week|month|postop|digit|rib|toe|finger|grade|visit|time|hour|attempt|dose|century|cycle|generation|birthday|edition|line))",
        score=0.5,
    ),
    labelled(
        "en_date_labelled",
        "DATE_TIME",
        "dob, d.o.b., date of birth, birth date, birthdate, born, born on, date, doa, dod, dos, date of service, date of admission, admission date, discharge date, date of death, admitted, discharged, exp, expires, expiry, expiration date, valid thru",
        value=r"(?P<v>\d{1,4}[ ]?[/.\-][ ]?\d{1,2}(?:[ ]?[/.\-][ ]?\d{1,4})?|(?:19|20)\d{2}|\d{2} ?\d{2} ?(?:19|20)\d{2})(?![\w/\-])",
        separator=r"[ \t]*(?:\([^)\n]{1,14}\))?[ \t]*(?:[:=#|]|is\b|on\b|in\b|-)?[ \t]*\n?[ \t]*",
        score=0.75,
    ),
)

AGES: tuple[Pattern, ...] = (
    anchored(
        "en_age_years",
        "AGE",
        "y, y.o",
        r"(?<![\w.\-/])(?P<v>\d{1,3})(?:[ \t]|[\-–]){0,2}(?:y\.?[ ]?/?[ ]?o\b\.?|yo(?=[MFmf]?\b)|years?[ \t\-–]{0,2}(?:old|of age)|yrs?\.?[ \t\-–]{0,2}(?:old|of age)|year[ \-]olds?)",
        score=0.8,
        before=7,
    ),
    anchored(
        "en_age_months",
        "AGE",
        "month, week, day, mo",
        r"(?<![\w.\-/])(?P<v>\d{1,3})(?:[ \t]|[\-–]){0,2}(?:months?|mos?|weeks?|wks?|days?)[ \t\-–]{1,2}(?:old|of age)\b",
        score=0.7,
        before=7,
    ),
    shaped(
        "en_age_sex",
        "AGE",
        r"(?<![\w.\-/:])(?P<v>[1-9]\d?|1[01]\d)(?:[ ]?(?:yo?|y/o)?[ /]?)(?:[MF]|male|female|man|woman|boy|girl|lady|gentleman)(?![\w\-°'])(?! ?(?:French|Fr\b))",
        score=0.6,
        lead="digit",
        digits=1,
    ),
    labelled(
        "en_age_labelled",
        "AGE",
        "age, aged, ages, age at visit, age at onset, age at diagnosis, at age, at the age of, age of, turned, turning, turn, turns, current age, patient age",
        value=r"(?P<v>\d{1,3})(?![\w/.\-%]\d|\d)(?![ ]?(?:%|weeks?|days|minutes|times))",
        separator=r"[ \t]*(?:\([^)\n]{1,14}\))?[ \t]*(?:[:=|]|is\b|of\b|was\b)?[ \t]*",
        score=0.75,
    ),
    shaped(
        "en_age_is",
        "AGE",
        r"(?<!\w)(?i:she|he|who|patient|pt|they|i)(?:[ \t](?i:is|was|turned|am|are)|'s|’s)[ \t](?:now |currently |about |only )?(?P<v>[1-9]\d|1[01]\d)"
        r"(?=[ \t]*(?:[.,;)]|$|and\b|with\b|years\b|who\b|but\b|living\b)(?!\d))(?!\.\d)",
        score=0.6,
    ),
    shaped(
        "en_age_comma",
        "AGE",
        r"(?<=[a-z]), (?P<v>[1-9]\d|1[01]\d)(?=, (?:an?|of|is|was|who|has|presented|presents|living|from|suffer|the|has)\b)",
        score=0.5,
    ),
)

PLACES: tuple[Pattern, ...] = (
    shaped(
        "street",
        "LOCATION",
        rf"(?<![\w/\-.])\d{{1,6}}[A-Z]?(?:-\d{{1,5}})?[ \t]+(?:(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\.?[ \t]+)?"
        rf"(?:(?:[A-Z][\w'’.\-]*|\d{{1,3}}(?:st|nd|rd|th)|de|la|of|the|del)[ \t]+){{1,4}}?(?i:{_STREET})\b\.?"
        rf"(?:[ \t]+(?:N|S|E|W|NE|NW|SE|SW)\b)?(?:[ \t]*,?[ \t]*(?i:{_UNIT}))?",
        score=0.7,
        lead="digit",
        digits=1,
    ),
    shaped(
        "street_unit",
        "LOCATION",
        rf"(?<![\w/\-.])\d{{1,6}}[ \t]+(?:[A-Z][\w'’.\-]*[ \t]+){{1,5}}(?:\d{{1,4}}[ \t]+)?[ \t]*,?[ \t]*(?:Apt|Suite|Ste|Unit)\b\.?[ \t]?#?[\w\-]{{1,6}}",
        score=0.7,
        lead="digit",
        digits=1,
    ),
    shaped(
        "street_city_zip",
        "LOCATION",
        r"(?<![\w/\-.])(?P<v>\d{1,6}[ \t]+(?:[A-Z][\w'’.\-]*[ \t,]+){1,4})(?:[A-Z][\w'’.\-]*[ \t]?){1,3},?[ \t\n]{1,2}[A-Z]{2}[ ]\d{5}\b",
        score=0.65,
        lead="digit",
        digits=1,
    ),
    shaped(
        "city_state_zip",
        "LOCATION",
        r"(?<![\w.])(?P<v>[A-Z][\w'’.\-]+(?:[ \t][A-Z][\w'’.\-]+){0,2},?[ \t\n]{1,2}[A-Z]{2}\.?,?[ ]{1,2}\d{5}(?:-\d{4})?)(?![\w\-])",
        score=0.65,
        lead="capital",
    ),
    shaped(
        "place_compound",
        "LOCATION",
        r"(?<![\w'’\-])(?:New|North|South|East|West|Lake|Port|Fort|Mount|Mt\.|Ft\.|Saint|St\.|San|Santa|Santo|Los|Las|El|La|Le|Upper|Lower|Old|Great|Little|Grand|Cape|Glen|Rio|Palm|Point|Punta)[ ][A-Z][a-zà-ÿ]{2,}(?:[ ](?:City|Beach|Park|Springs|Heights|Falls|Valley|Hills|County|Township|Village|Lake|Harbor|Bay|Grove))?(?!\w)",
        score=0.42,
        lead="capital",
    ),
    shaped(
        "place_suffix",
        "LOCATION",
        r"(?<![\w'’\-])(?:[A-Z][a-zà-ÿ]+[ ])?[A-Z][a-zà-ÿ']{2,}(?:town|ville|burgh?|borough|bury|berg|fort|shire|mouth|stad|chester|haven|furt|side|view|port|field|ford|wood|land|ton|ham|dale|stead|bridge|minster|cester|ridge|brook|grove|hurst|wick|worth|by|thorpe|gate|combe|polis|stadt|dorf|heim)(?!\w)",
        score=0.4,
        lead="capital",
    ),
    shaped(
        "place_cue",
        "LOCATION",
        r"(?<!\w)(?i:lives?|living|lived|resides?|residing|resided|born|raised|grew up|grown up|moved|moving|relocated|travell?ed|travell?ing|trip|visiting|visited|immigrated|emigrated|originally|native|resident|flew|flown|drove|located|based|transferred|stationed|hometown|home town|from)[ ](?i:in|to|from|at|of|near|outside|is|around)?[ ]?(?:the[ ])?(?P<v>[A-Z][\w'’\-]+(?:[ ](?:de|del|la|of|upon|sur|[A-Z][\w'’\-]+)){0,3}(?:,[ ][A-Z][\w'’\-]+(?:[ ][A-Z][\w'’\-]+)?)?)(?!\w)",
        score=0.4,
    ),
    labelled(
        "address_labelled",
        "LOCATION",
        "address, addr, home address, mailing address, street address, billing address, shipping address, street, residence, city, town, hometown, county, location, place of birth, birthplace, pob, school, employer, workplace, neighborhood, village, city/state, lives at, residing at, resides at, located at, delivered to, deliver to, ship to",
        value=r"(?P<v>[A-Z0-9][^\n|;:]{1,80}?)(?=[ \t]*(?:$|\n|\||;|[ \t]{3,}|\.[ \n]|(?:Tel|Phone|Fax|Email|DOB|MRN|SSN|Zip|State|City|Name|Sex|Age|Cell|PCP|Insurance)\b))",
        separator=r"[ \t]*(?:\([^)\n]{1,14}\))?[ \t]*[:=][ \t]*\n?[ \t]*",
        score=0.6,
    ),
    shaped(
        "street_highway",
        "LOCATION",
        r"(?<![\w/])\d{1,6}[ \t]+(?:Highway|Hwy|Route|Rte|County Road|CR|State Road|SR|FM|Farm Road|Old)[ \t]+\d{1,4}\b",
        score=0.7,
        lead="digit",
        digits=1,
    ),
    shaped(
        "unit",
        "LOCATION",
        r"(?<!\w)(?:Apt|Apartment|Suite|Ste|Unit)\.?[ \t]?#?[ \t]?(?:\d{1,5}[A-Z]?|[A-Z]-?\d{1,4})(?!\w)",
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
        r"(?<!\w)(?:(?:PSC|CMR|Unit)[ ]\d{1,5},?[ \n]*(?:Box[ ]\d{1,5}[ ,\n]*)?)?(?:APO|FPO|DPO|USNS|USS|USNV|USCGC)\b[ \w]{0,20}?[ ,\n]*(?:AA|AE|AP)[ ]\d{5}",
        score=0.75,
        lead="capital",
    ),
    shaped(
        "us_zip",
        "ZIP_CODE",
        rf"(?<!\w)(?:{US_STATES})\.?,?[ \t\n]{{1,3}}(?P<v>\d{{5}}(?:-\d{{4}})?)(?![\w\-])",
        score=0.75,
        lead="capital",
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
        rf"(?<!\w)(?P<v>{US_STATES})(?=\.?,?[ \t\n]{{1,3}}\d{{5}}(?![\w\-]))",
        score=0.7,
        lead="capital",
    ),
    shaped(
        "us_city_state",
        "LOCATION",
        rf"(?<![\w.])(?P<v>(?:(?:St|Ft|Mt)\.[ ])?[A-Z][\w'’.\-]+(?:[ \t](?:of|de|del|la|[A-Z][\w'’.\-]+)){{0,3}},[ \t]{{0,2}}(?:{US_STATES}))(?=\.?,?[ \t\n]{{0,3}}(?:\d{{5}}|[.,;:)\n]|$|[a-z]))(?![\w])",
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
        lead="capital",
    ),
    labelled(
        "room",
        "LOCATION",
        "room, rm, bed, ward, bay, room/bed, unit/bed, floor",
        value=r"(?P<v>(?=[A-Za-z]{0,4}-?\d)[A-Za-z0-9]{1,6}(?:[\-/][A-Za-z0-9]{1,4})*(?:[ ,]{1,2}(?:bed|bay)[ ]?[A-Za-z0-9]{1,4})?)(?![\w%]|\.\d)",
        separator=r"(?:[ \t]*(?:number|no\.?|#))?[ \t]*[:#]?[ \t]*(?:bed[ \t]*)?",
        score=0.6,
    ),
    shaped(
        "bed",
        "LOCATION",
        r"(?<!\w)(?:Bed|BED|Rm|Bay)[ ]?#?\d{1,4}[A-D]?(?!\w|\.\d)",
        score=0.5,
        lead="capital",
    ),
    shaped(
        "coordinates",
        "LOCATION",
        r"(?<![\w.])-?\d{1,2}\.\d{4,10}[°]?[ ]?[NS]?,[ ]{0,2}-?\d{1,3}\.\d{4,10}[°]?[ ]?[EWO]?(?!\w)",
        score=0.7,
    ),
)

_CAP = r"[A-Z][\w'’.\-]*"
_ORG_TAIL = (
    r"Hospitals?|Clinics?|Medical Center|Medical Centre|Medical Group|Med Center|Health Center|Health System|Healthcare|Health"
    r"|Hospice|Infirmary|Nursing Home|Rehab|Rehabilitation|Rehabilitation Center|Care Center|Cancer Center|Surgery Center"
    r"|Memorial|General|Regional|VA|VAMC|University|College|High School|Elementary|Elementary School|Middle School|School"
    r"|Academy|Institute|Foundation|Church|Pharmacy|Laboratory|Laboratories|Labs|Center|Centre|Community Hospital"
    r"|Inc|LLC|LLP|Ltd|Limited|PLC|Corp|Corporation|Company|Co|Group|Partners|Associates|Industries|Holdings|Solutions"
    r"|Systems|Technologies|Services|Bank|Insurance|Airlines|Motors|Foods|Enterprises|Consulting|and Sons|& Sons|& Co"
    r"|Orchestra|Country Club|Hotel|Restaurant|Cafe|Police Department|Fire Department|Department of [A-Z]\w+|Shelter|Ministries"
    r"|Law Firm|Law Office|Law Offices|Pediatrics|Orthopedics|Cardiology Associates|Family Practice|Family Medicine|Dental|Urgent Care"
)
ORGANIZATIONS: tuple[Pattern, ...] = (
    shaped(
        "org_tail",
        "ORGANIZATION",
        rf"(?<![\w'’])(?:(?:St|Mt|Ft)\.?[ ])?(?:{_CAP}[ ](?:(?:of|the|for|and|&|de)[ ]){{0,2}}){{1,5}}?(?:{_ORG_TAIL})(?!\w)",
        score=0.45,
        lead="capital",
    ),
    shaped(
        "org_lower",
        "ORGANIZATION",
        r"(?<=\b(?:at|to) )(?!(?:the|this|our|your|my|an?|his|her|their|that|outside|local|another|any|each|same) )(?:[a-z][a-z'.]+ ){1,3}(?:general hospital|memorial hospital|medical center|hospital|general|memorial|clinic|health center|university)(?!\w)",
        score=0.35,
    ),
    shaped(
        "org_partners",
        "ORGANIZATION",
        r"(?<!\w)[A-Z][a-z'’]+(?:, [A-Z][a-z'’]+){1,3},? (?:and|&) [A-Z][a-z'’]+(?:[A-Z][a-z]+)?(?: LLP| PLLC| PC)?(?!\w)",
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
        r"(?<!\w)(?:St\.?|Saint|Mount|Mercy|Our Lady of|Providence|Kaiser|Mayo|Cleveland|Baptist|Methodist|Presbyterian|Sacred Heart|Good Samaritan)[ ][A-Z][\w'’]+(?:[ ](?:Medical Center|Hospital|Clinic|Health|Permanente))?(?!\w)",
        score=0.4,
        lead="capital",
    ),
)

PATTERNS: tuple[Pattern, ...] = (
    ORGANIZATIONS + IDENTIFIERS + LABELS + PHONES + DATES + AGES + PLACES
)
