"""English patterns: US and UK identifiers, labels of clinics, banks, courts and offices."""

from __future__ import annotations

from appliance.redact.detect import (
    checksums,
    patterns_en_ages,
    patterns_en_asks,
    patterns_en_law,
    patterns_en_letters,
    patterns_en_notes,
    patterns_en_notes_named,
    patterns_en_places,
    patterns_en_postal,
    patterns_en_times,
    patterns_en_world,
    patterns_ids,
)
from appliance.redact.detect.patterns import (
    WEAK_VALUE,
    Pattern,
    anchored,
    labelled,
    shaped,
)

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
        "ssn, ss, social, social security, soc sec, ssn last four, ssn last 4, last four of ssn,"
        " last 4 of ssn, last four of social, social insurance, sin, national insurance, ssn4",
        value=(
            r"(?P<v>\d{3}[ \-.]?\d{2}[ \-.]?\d{4}|[xX*#]{2,5}[ \-]?[xX*#]{0,2}[ \-]?\d{4}"
            r"|\d{3} ?\d{3} ?\d{3}|\d{4})(?![\w\-])"
        ),
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
        r"(?<![\w\-])[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-"
        r"9]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}(?![\w\-])",
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
        lead="code",
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
        r"(?<!\w)(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} "
        r"?[A-D](?!\w)",
        score=0.8,
        lead="code",
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
        "mrn, mrns, mrno, mr no, mr number, mr, m.r.n., m.r., medical record, medical rec,"
        " med rec, medrec, med record, health record, patient record, hospital record,"
        " patient id, patient identifier, pt id, patient number, patient no, pt number,"
        " unit number, unit no, hospital number, hospital no, hospital id, empi, epi, uhid, emr,"
        " ehr, emr id, ehr id, record number, record no, record id, clinic number, clinic no,"
        " chart number, chart no",
    ),
    labelled("chart", "MEDICAL_RECORD_NUMBER", "chart, record, unit, file", value=_W, score=0.6),
    labelled(
        "health_plan",
        "HEALTH_PLAN_ID",
        "member id, member number, member no, member #, subscriber id, subscriber,"
        " beneficiary id, beneficiary, policy number, policy no, policy id, policy #,"
        " insurance id, insurance number, insurance no, insurance policy, insurance card,"
        " health plan id, health plan number, health insurance, plan id, medicare, medicaid, mbi,"
        " hicn, hic, payer id, group number, group no, group id, group #, grp, rxbin, rx bin, pcn,"
        " rx group, rxgrp, authorization number, authorization, auth no, auth, prior auth,"
        " preauthorization, referral number, referral no, insured id, id card, enrollee id,"
        " cardholder id, eligibility id, insurance code, nhs, hmo id, ppo id, coverage id",
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
        "account, accounts, acct, acc no, acc number, a/c, bank account, checking, savings,"
        " patient account, billing account, billing, bill number, billing id, har, fin, invoice,"
        " invoice id, statement number, loan, loan number, loan id, customer id, customer number,"
        " customer no, customer, client id, client number, client no, iban, credit card,"
        " card number, card no, debit card, card, card ending in, card ending, account ending in,"
        " ending in, wallet id, wallet address, payment id, transaction id, transaction number,"
        " transaction, transfer id, wire, receipt number, receipt no, receipt, merchant id, mid",
        value=_W,
        score=0.8,
    ),
    labelled(
        "visit",
        "ENCOUNTER_ID",
        "csn, encounter, encounter id, visit, visit id, visit number, visit no, admission number,"
        " admission no, admission id, episode id, contact serial, appointment id,"
        " appointment number, booking id, booking reference, booking number, session id",
        value=_W,
        score=0.8,
    ),
    labelled(
        "case",
        "CASE_NUMBER",
        "case, case number, case no, case id, case #, claim, claim number, claim no, claim id,"
        " claim #, rpt, report #, docket, docket no, docket number, cau"
        "se no, index no, file number, file no,"
        " file ref, incident, incident number, incident report, report number, report no,"
        " report id, police report, complaint number, complaint no, ticket, ticket number,"
        " ticket id, matter, matter number, run #, run number, ems run, dispatch, call number,"
        " confirmation, confirmation number, confirmation code, tracking, tracking number,"
        " tracking no, order number, order no, order id, order #, order, requisition, req no,"
        " req #, application number, application no, application id, reference number,"
        " reference no, reference, ref no, ref number, ref, our ref, your ref, refno, warrant no,"
        " petition no, appeal no, court file, grievance no, request id, request number,"
        " job number, work order, shipment, parcel, awb",
        value=_W,
        score=0.8,
    ),
    labelled(
        "specimen",
        "SPECIMEN_ID",
        "accession, accession number, accession no, acc #, acc no, specimen, specimen id,"
        " specimen number, sample id, sample number, sample no, sample, lab no, lab id,"
        " lab number, lab #, pathology no, path no, slide, block no, surgical number, study id,"
        " study number, subject id, subject number, subject no, subject, participant id,"
        " participant number, participant, screening number, randomization number,"
        " randomization id, protocol id, trial id, barcode, image id, exam number, exam id,"
        " donor, donor id, recipient id, transplant id, unos id, registry id, cohort id",
        value=_W,
        score=0.8,
    ),
    labelled(
        "device",
        "DEVICE_ID",
        "serial, serial number, serial no, serial #, s/n, sn, ser no, device, device id,"
        " device identifier, device serial, implant, implant id, implant serial, udi, lot,"
        " lot number, lot no, lot #, batch number, batch no, batch, model number, model no,"
        " pacemaker serial, generator serial, imei, imsi, iccid, meid, asset tag, asset id, mac,"
        " mac address, pump serial, ref/lot, gtin, android id, advertising id, machine id,"
        " license key, product key",
        value=_W,
        score=0.8,
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
        "license, licence, license number, licence number, license no, license #, lic, lic no,"
        " lic #, dl, dl no, driver's license, drivers license, driver license, driver's licence,"
        " driving licence, driving license, driver’s license, medical license, state license,"
        " nursing license, certificate, certificate number, certificate no, cert no,"
        " certification number, registration, registration number, registration no, reg no,"
        " reg number, registration id, dea, dea number, dea no, upin, gmc, gmc number, nmc pin,"
        " gdc, bar number, bar no, permit, permit number, permit no, firearm license,"
        " pilot license, contractor license",
        value=_W,
        score=0.8,
    ),
    labelled(
        "passport",
        "US_PASSPORT",
        "passport, passport number, passport no, visa, visa number, visa no, alien number,"
        " alien registration, a-number, uscis, i-94, green card, national id, national identity,"
        " citizen id, id card, identity card, aadhaar, aadhar, pan, pan card, emirates id,"
        " voter id, voter registration, resident permit",
        value=_W,
        score=0.8,
    ),
    labelled(
        "vehicle",
        "VEHICLE_ID",
        "plate, plates, license plate, licence plate, plate number, plate no, vehicle plate,"
        " tag number, tag no, vin, vehicle identification, vehicle registration, vehicle reg,"
        " vehicle id, chassis number, chassis no, number plate, reg plate",
        value=(
            r"(?P<v>(?=[A-Za-z \-]{0,8}\d)[A-Za-z0-9]{1,4}(?:[ \-](?-i:[A-Z0-9]{2,5}"
            r"|[a-z]*\d[a-z\d]*)){1,2}(?!\w)"
            r"|(?=[A-Za-z\-]*\d)[A-Za-z0-9][A-Za-z0-9\-]{2,18}[A-Za-z0-9])"
        ),
        score=0.8,
    ),
    labelled(
        "employee",
        "ID_NUMBER",
        "employee id, employee number, employee no, employee #, employee, emp id, emp no, badge,"
        " badge number, badge no, badge id, staff id, staff number, student id, student number,"
        " student no, worker id, payroll id, payroll number, personnel number, user id, userid,"
        " device user id, member code, profile id, military id, service number, dod id, edipi,"
        " inmate number, inmate no, inmate id, booking no, prisoner number, offender id,"
        " doc number, library card, loyalty number, rewards number, frequent flyer,"
        " membership number, membership no, membership id, membership, fingerprint id,"
        " biometric id, voiceprint id, template id, retina id, face id, gamer id, pnr,"
        " provider id, provider number, physician id, clinic id, facility id, pharmacy id,"
        " rx number, rx no, rx #, rx, prescription number, prescription no, prescription, ncpdp,"
        " tracking id, cookie id, identifier, id, id number, id no, id #",
        value=_W,
        score=0.8,
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
        rf"{patterns_en_law.ACTS}"
        r"nos?\.?[ \t\n]{0,2}(?P<v>\d{1,6}/\d{2,4}(?:(?:,| and|;|, and"
        r"| &)[ \n]\d{1,6}/\d{2,4})*)(?!\w)",
        score=0.8,
    ),
    shaped(
        "id_bare",
        "ID_NUMBER",
        r"(?<![\w.,/$€£#+*=<>:\-])\d{6,12}(?:-\d{1,4})?(?![\w/%\-]|[.,:]\d|[ ]?(?:mg|mcg|ml"
        r"|units?|IU|cells|copies|/|x|U/|ng|pg|g\b|K\b|M\b|people|patients|dollars|USD|rpm|bp\b"
        r"|base))",
        score=0.4,
        lead="digit",
        digits=6,
    ),
    shaped(
        "id_lettered",
        "ID_NUMBER",
        r"(?<![\w.,/$€£#+*=<>:\-])[A-Z]{1,3}-?\d{6,12}(?:-\d{1,4})?(?![\w/%\-]|[.,:]\d|[ ]?(?:mg"
        r"|mcg|ml|units?|IU|cells|copies|/|x|U/|ng|pg|g\b|K\b|M\b|people|patients|dollars|USD|rpm"
        r"|bp\b|base))",
        score=0.4,
        lead="code",
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
        r"(?<![\w./\-@])(?=[A-Z\-]*\d)(?=(?:[A-Z0-9\-]*\d){5})[A-Z]{1,4}-?[A-Z0-9]{2,}(?:-[A-Z0-9]"
        r"{1,12}){0,3}(?![\w\-@/])",
        score=0.4,
        lead="code",
    ),
    labelled(
        "username",
        "USERNAME",
        "username, user name, user id, userid, login, login id, screen name, handle, twitter,"
        " instagram, skype, telegram, mychart, portal id, portal login, portal user, aol, aim,"
        " icq, venmo, cashapp, paypal, tiktok, reddit, linkedin, snapchat, discord, github,"
        " gamertag, im handle",
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
        "password, passwd, passphrase, passcode, pwd, pin code, pin, pin number, secret key,"
        " api key, apikey, api token, access token, access key, private key, auth token,"
        " security answer, token, otp, secret",
        value=r"(?P<v>(?=[^\s\"']*[\d!@#$%^&*_])[^\s\"',;]{3,128}[^\s\"',;.)])",
        separator=r"[ \t]*(?:[:=]|\bis\b|\bwas\b|\bset to\b|\bof\b)?[ \t]*[\"'“‘`(]?",
        score=0.75,
    ),
)

PATTERNS: tuple[Pattern, ...] = (
    IDENTIFIERS
    + LABELS
    + patterns_en_times.PATTERNS
    + patterns_en_ages.PATTERNS
    + patterns_en_places.PATTERNS
    + patterns_en_notes.PATTERNS
    + patterns_en_notes_named.PATTERNS
    + patterns_en_law.PATTERNS
    + patterns_en_asks.PATTERNS
    + patterns_en_postal.PATTERNS
    + patterns_en_world.PATTERNS
    + patterns_en_letters.PATTERNS
    + patterns_ids.ENGLISH
)
