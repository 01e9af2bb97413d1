"""Cue words around names, by language: titles, credentials, labels, kin; and words that are none.

Lower case unless capitals carry the meaning (titles and credentials are written as they occur).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cues:
    """The cue words of one language.

    Attributes:
        titles: words before a name, as written.
        credentials: words after a name, as written.
        labels: field labels before a colon; case is ignored.
        cues: verbs and phrases before a name; case is ignored.
        kin: relatives and other people; case is ignored.
        stop: capitalised words that are never part of a name; folded.
        lower_case: whether names in lower case are looked for.
    """

    titles: frozenset[str]
    credentials: frozenset[str]
    labels: frozenset[str]
    cues: frozenset[str]
    kin: frozenset[str]
    stop: frozenset[str]
    lower_case: bool = False

    @staticmethod
    def union(packs: Iterable[Cues]) -> Cues:
        """Join the packs of several languages; never empty, so that expressions stay valid."""
        packs = list(packs)
        nothing = frozenset({"\x00"})

        def joined(name: str) -> frozenset[str]:
            return frozenset().union(*(getattr(p, name) for p in packs)) or nothing

        return Cues(
            titles=joined("titles"),
            credentials=joined("credentials"),
            labels=joined("labels"),
            cues=joined("cues"),
            kin=joined("kin"),
            stop=joined("stop"),
            lower_case=any(p.lower_case for p in packs),
        )


def word_set(text: str) -> frozenset[str]:
    """Split a comma-separated list."""
    return frozenset(part.strip() for part in text.replace("\n", " ").split(",") if part.strip())


ENGLISH = Cues(
    titles=word_set(
        """Mr, Mrs, Ms, Miss, Mx, Dr, Drs, Msgr, Monsignor, Deacon, Doctor,
        Prof, Professor, Sir, Madam, Mister, Lady,
        Lord, Dame, Rev, Reverend, Fr, Father, Sister, Brother, Pastor, Rabbi, Imam, Judge,
        Justice, Hon, Honorable, Attorney, Atty, Counsel, Officer, Detective, Det, Sergeant,
        Sgt, Captain, Capt, Lieutenant, Lt, Col, Colonel, Major, Maj, General, Gen, Cpl,
        Corporal, Pvt, Private, Sheriff, Deputy, Trooper, Agent, Inspector, Nurse, RN,
        Midwife, Coach, President, Senator, Sen, Rep, Congressman, Congresswoman, Governor,
        Gov, Mayor, Secretary, Ambassador, Messrs, Mme, Mlle, MR, MRS, MS, DR, Principal,
        Superintendent, Commissioner, Sheikh, Sheik, Baby Boy, Baby Girl, Baby, Pt, Patient,
        Chaplain, Therapist, Pharmacist, Director, Minister, King, Queen, Prince, Princess,
        Uncle, Aunt, Auntie, Grandma, Grandpa, Cousin, CNA, LPN,
        LVN, CRNA, NP, APRN, ARNP, CMA, HUC"""
    ),
    credentials=word_set(
        """MD, M.D., M.D, DO, D.O., RN, R.N., NP, N.P., PA, PA-C, P.A., ARNP, APRN, CRNP, FNP,
        FNP-C, FNP-BC, DNP, LPN, LVN, CNA, CMA, BSN, MSN, PhD, Ph.D., Ph.D, PsyD, PharmD, RPh,
        DDS, DMD, DPM, DVM, OD, DC, PT, DPT, OT, OTR, OTR/L, SLP, RT, RRT, RD, RDN, LCSW,
        LMSW, LICSW, MSW, LMFT, LPC, CRNA, CNM, MBBS, MBChB, FRCS, FRCP, FACP, FACS, FACC,
        MPH, EMT, EMT-P, Esq, Esq., JD, J.D., CPA, Jr, Jr., Sr, Sr., III, MA, CNP, AGNP,
        PMHNP, BCBA, CCC-SLP, MS4, MS3, PGY-1, PGY-2, PGY-3, PGY1, PGY2, PGY3, PGY-4"""
    ),
    labels=word_set(
        """name, patient, patient name, pt, pt name, full name, legal name, first name,
        last name, surname, given name, family name, middle name, maiden name, nickname,
        alias, aka, mother, father, mother's name, father's name, mother's maiden name,
        spouse, spouse name, husband, wife, son, daughter, brother, sister, partner, parent,
        parent/guardian, guardian, legal guardian, next of kin, nok, emergency contact,
        contact, contact person, contact name, relative, caregiver, informant, guarantor,
        guarantor name, policy holder, policyholder, policy holder name, insured,
        insured name, subscriber, subscriber name, attending, attending physician,
        attending md, physician, provider, referring provider, referring physician, referring,
        ordering provider, ordering physician, ordering md, pcp, primary care physician,
        primary care provider, primary care, surgeon, assistant, assistant surgeon, resident,
        intern, fellow, consultant, anesthesiologist, radiologist, pathologist, cardiologist,
        nurse, rn, therapist, pharmacist, dentist, interpreter, witness, witnessed by, signed,
        sign, taken by, backup,
        signed by, electronically signed by, e-signed by, dictated by, transcribed by,
        typed by, reviewed by, verified by, approved by, prepared by, reported by, ordered by,
        requested by, referred by, seen by, interviewed by, performed by, collected by,
        received by, entered by, recorded by, author, from, to, cc, bcc, attn, attention,
        dear, sender, recipient, client, client name, customer, customer name, employee,
        employee name, applicant, plaintiff, defendant, petitioner, respondent, appellant,
        appellee, claimant, complainant, victim, suspect, officer, owner, tenant, landlord,
        buyer, seller, borrower, lender, account holder, account name, cardholder,
        cardholder name, name on card, beneficiary, student, student name, teacher, user,
        username, md, dr, decedent, donor, recipient name, proxy, health care proxy, poa,
        power of attorney, hcp, surrogate, social worker, case manager, counselor,
        representative, manager, supervisor, director, preparer, notary, judge, attorney,
        counsel, child, child's name, infant, baby, twin a, twin b, patient's name,
        worker, support worker, case worker, caseworker, key worker, keyworker, participant,
        carer, midwife, podiatrist, physiotherapist, dietitian, crew, driver, prosector,
        chaplain, volunteer, accompanied by, thanks, regards,
        best regards, sincerely, best, cheers, respectfully,
        yours truly, kind regards, warm regards, many thanks, thank you, love"""
    ),
    cues=word_set(
        """dear, hi, hello, hey, attn, seen by, evaluated by, examined by, followed by, signed,
        signed by, dictated by, reviewed by, reviewed with, discussed with, d/w, spoke with,
        spoke to, talked to, talked with, per, ordered by, referred by, reported by,
        performed by, assisted by, accompanied by, brought in by, lives with, living with,
        lives w/, living w/, seen w/, here w/, w/, spoke w/, discussed w/, per pt's, told, asked,
        named, called, known as, aka, a.k.a., my name is, name is, i am, i'm, this is,
        named after, married to, engaged to, born to, follow up with, followup with, f/u with,
        follows with, followed with, appointment with, appt with, visit with, contact,
        contacted, call, notify, notified, ask for, regarding, re, appeal for, referral for,
        on behalf of, addressed to, sent to, sent by, written by, prepared by, submitted by,
        filed by, entered by, witnessed by, recorded by, approved by, paid to, pay to,
        payable to, transferred to, assigned to, belongs to, belonging to, issued to,
        registered to, care of, c/o, attending, resident, intern, pcp, pa, crna, lpn, cna,
        lcsw, surgeon, assistant, nurse, provider, physician, md, rn, np, consult, consultant,
        interpreter, roommate, neighbor, boss, teacher, patient, pt, client, customer,
        employee, user, member, student, defendant, plaintiff, witness, suspect, victim,
        claimant, applicant, ex-wife, ex-husband, policyholder, cardholder, tenant,
        recognise, recognize, thank, nominate, praise, congratulate, commend, remind, text, email,
        message, msg, kudos to, shout out to, shoutout to, looping in, reassign to, assign to,
        route to, forward to, handoff to, sign out to, covering for, meet with, met with, introduce,
        somebody named, someone named, someone called, page, paged, relay to, reach,
        your nurse today was, your nurse was, your doctor is, nurse today was, by"""
    ),
    kin=word_set(
        """son, daughter, wife, husband, mother, father, mom, dad, mum, brother, sister, aunt,
        uncle, niece, nephew, cousin, grandmother, grandfather, grandma, grandpa, grandson,
        granddaughter, grandchild, stepson, stepdaughter, stepmother, stepfather, stepbrother,
        stepsister, half-brother, half-sister, mother-in-law, father-in-law, son-in-law,
        daughter-in-law, brother-in-law, sister-in-law, partner, spouse, fiance, fiancé,
        fiancee, fiancée, boyfriend, girlfriend, roommate, friend, neighbor, neighbour,
        caregiver, caretaker, guardian, twin, twins, sibling, child, children, baby, nanny,
        aide, coworker, colleague, boss, landlord, parents, parent, godmother, godfather,
        ex-wife, ex-husband, widow, widower, sons, daughters, brothers, sisters, wife's name,
        daughter's name, son's name, half-sis, half-bro, sis, bro, hubby, husb, dtr, sibs, fob, mob,
        doula, midwife, nurse, hygienist, receptionist, secretary, chaplain, pastor,
        housekeeper, sitter, babysitter, bystander, passerby,
        caller, visitor, buddy, classmate, teammate, dogsitter, driver, passenger, pedestrian,
        tutor, principal, reviewer, adjuster, dispatcher, paramedic, medic, firefighter, scribe,
        phlebotomist, sonographer, technician, tech, dietitian, dietician, pharmacist,
        psychologist, psychiatrist, therapist, counselor, counsellor, caseworker, case manager,
        social worker, endoscopist, hospitalist, intensivist, nephrologist, neurologist,
        urologist, oncologist, surgeon, podiatrist, optometrist, dentist, orthodontist,
        chiropractor, endocrinologist, dermatologist, rheumatologist, gastroenterologist,
        pulmonologist, hematologist, ophthalmologist, obstetrician, pediatrician, geriatrician,
        internist, proceduralist, charge nurse, investigator, prosecutor, bailiff, registrar,
        advocate, notary, solicitor, barrister, lawyer, attorney, magistrate, gendarme, sergeant,
        lieutenant, captain, colonel, detective, constable, warden, guard, journalist, editor,
        reporter, interpreter, translator, expert, surveyor, mediator, arbitrator, accountant,
        cashier, plumber, electrician, trainer, professor, lecturer, dean, provost, syndic,
        liquidator, applicant, applicants, accused, defendant, witness, victim, suspect,
        complainant, informant, housemate, flatmate, stepdad, stepmom, stepbro, stepsis,
        foster mother, foster father, foster mom, foster dad, godson, goddaughter, grandnephew,
        grandniece, great-aunt, great-uncle, great-grandson, codefendant,
        co-defendant, co-accused, accomplice, accomplices"""
    ),
    stop=word_set(
        """general, agent, agents, co-agent, co-agents, minister, ministers, attorney-general,
        solicitor-general, advocate-general, procurator-general, prosecutor-general,
        vice-president, vice-presidents, vice-chancellor, vice-minister, vice-governor, registrar,
        prosecutor, prosecutors, procurator, ombudsman, ombudsperson, ombudswoman,
        secretary-general, director-general, commissioner, commissioners, ambassador, rapporteur,
        chairman, chairwoman, chairperson, judges, applicant, applicants, government,
        governments, republic, convention, ministry, parliament, chamber, chairmanship,
        inspector-general, governor-general, consul-general, lieutenant-general, major-general,
        coroner, attorneys, lawyers, solicitors, barristers"""
    ),
    lower_case=True,
)

#: Words that end a name in any language, folded.
STOP: frozenset[str] = word_set(
    """dob, mrn, ssn, npi, dea, phone, tel, telephone, fax, email, e-mail, address, date, time,
    room, bed, unit, age, sex, gender, male, female, id, no, number, patient, pt, name,
    hospital, clinic, medical, center, centre, department, dept, university, school, college,
    health, healthcare, care, service, services, street, avenue, road, drive, lane, boulevard,
    insurance, policy, account, acct, chart, visit, admission, admitted, discharge,
    discharged, diagnosis, history, exam, assessment, plan, note, notes, report, summary,
    subject, re, attn, cc, from, to, signed, electronically, status, allergies, medications,
    meds, labs, lab, vitals, bp, hr, rr, temp, hpi, pmh, psh, ros, cc, fh, sh, ekg, ecg, mri,
    ct, cxr, xray, eeg, emg, icu, er, ed, or, pcp, md, rn, np, do, pa, phd, lpn, cna, dr, mr,
    mrs, ms, the, and, a, an, of, in, on, at, by, for, with, is, was, are, has, had, will, he,
    she, they, we, you, i, it, his, her, their, this, that, please, thanks, thank, monday,
    tuesday, wednesday, thursday, friday, saturday, sunday, january, february, march, april,
    june, july, august, september, october, november, december, jan, feb, mar, apr, jun, jul,
    aug, sept, sep, oct, nov, dec, today, tomorrow, yesterday, type, grade, stage, section,
    page, tablet, capsule, mg, ml, inc, llc, ltd, corp, company, co, plc, bank, court, county,
    city, state, country, zip, code, url, website, web, www, http, https, ip, gmbh, ag, sa,
    hgb, hct, wbc, rbc, plt, bun, creat, inr, ptt, ast, alt, alp, ldh, crp, esr, tsh, bnp, trop,
    gfr, egfr, bcx, ucx, uds, abg, vbg, ua, cbc, bmp, cmp, lft, lfts, pft, pfts, bldg, building,
    ste, suite, lda, ltda, none, unknown, n/a, na, null, yes, not, dx, hx, tx, rx, sx, fx, s/p,
    c/o, f/u,
    u/s, w/, w/o, h/o, r/o, y/o, yo, coli, aureus, pylori, difficile, pneumoniae,
    streptococcus, staphylococcus, covid, hiv, aids, copd, chf, cad, dvt, pe, uti, gerd, dm,
    dm2, htn, hld, afib, syndrome, disease, disorder, test, score, scale, sign, criteria,
    procedure, maneuver, reflex, palsy, tumor, fracture, catheter, foley, hickman, tube,
    emergency, contact, guardian, parent, home, work, cell, mobile, office, pager, ext,
    employer, employee, occupation, race, ethnicity, language, religion, marital, married,
    single, divorced, widowed, member, group, claim, case, file, invoice, order, license,
    licence, plate, vehicle, device, serial, lot, username, password, user, login, url, ref,
    reference, vs, versus, mm, kg, cm, lb, lbs, oz, pm, am, est, utc, hrs, min, sec, bid, tid,
    qid, qd, qhs, prn, po, iv, im, sc, sq, iban, swift, pan, otp, rtc, cth, cta, tdap, mmr,
    hpv, ppd, asst, anes, dispo, prob, copay, rec, recs, obj, subj, impr, husb, scope, cecum, thymo,
    klebs, bal, ortho, ophtho, neph, nsg,
    mvc, kras, mss, ihc, dme, aline, a-line, arom, mmt, xmatch,
    ckd, esrd, nstemi, stemi, ercp, egd, cabg, turp, nad, wnl, rrr, ctab, perrl, eomi, dka, hfref,
    hfpef, mychart, icd, cpt, hcpcs, ndc, huf, eur, usd, gbp, pln, rub, uah, dispense, qty, usa, us,
    uk, eu, housemate, found, crcl, tab, adv, prosector, anticoag, x-ray, all,
    ny, la, dc, ca, tx, fl, pa, ma, il"""
)

#: Surnames that name a disease, sign, device or drug far more often than a person; folded.
EPONYMS: frozenset[str] = word_set(
    """parkinson, alzheimer, hodgkin, crohn, kaposi, babinski, romberg, foley, hickman, bell,
    down, turner, marfan, addison, cushing, graves, hashimoto, raynaud, sjogren, tourette,
    wilson, huntington, guillain, barre, lyme, lou, gehrig, reye, kawasaki, wernicke,
    korsakoff, charcot, hirschsprung, meckel, barrett, mallory, weiss, zenker, peyronie,
    dupuytren, baker, colles, murphy, mcburney, rovsing, kernig, brudzinski, homan, homans,
    phalen, tinel, lachman, mcmurray, apgar, glasgow, braden, morse, epworth, beck, hamilton,
    likert, kaplan, cox, fisher, gram, wright, pap, papanicolaou, doppler, holter, swan, ganz,
    jackson, pratt, penrose, kirschner, steinmann, kocher, kelly, whipple, billroth, roux,
    nissen, hartmann, lefort, salter, harris, gleason, breslow, clark, ann, arbor, child,
    pugh, ranson, apache, wells, geneva, charlson, karnofsky, trendelenburg, fowler, sims,
    valsalva, heimlich, kegel, epley, dix, hallpike, spurling, dermatome, schirmer, snellen,
    ishihara, weber, rinne, mantoux, coombs, western, ringer, ringers, hartman, purkinje, his,
    bundle, kupffer, langerhans, schwann, gaucher, fabry, pompe, niemann, pick, tay, sachs,
    lesch, nyhan, ehlers, danlos, brugada, wolff, parkinsons, alzheimers, norco, percocet,
    keppra, lantus, eliquis, tylenol, motrin, advil, aleve, benadryl, zofran, lasix, coumadin,
    plavix, lipitor, crestor, zocor, norvasc, toprol, lopressor, coreg, diovan, cozaar,
    zestril, prinivil, glucophage, januvia, humalog, novolog, levemir, synthroid, prilosec,
    nexium, protonix, pepcid, zantac, prozac, zoloft, paxil, lexapro, celexa, effexor,
    cymbalta, wellbutrin, remeron, seroquel, zyprexa, risperdal, abilify, geodon, haldol,
    ativan, klonopin, ambien, lunesta, neurontin, lyrica, dilantin, depakote, lamictal,
    topamax, tegretol, ultram, vicodin, dilaudid, fentanyl, duragesic, narcan, suboxone,
    flonase, singulair, advair, spiriva, symbicort, atrovent, albuterol, augmentin, levaquin,
    cipro, bactrim, keflex, rocephin, zosyn, vanco, flagyl, diflucan, valtrex, tamiflu,
    humira, enbrel, remicade, rituxan, herceptin, avastin, keytruda, opdivo, gleevec"""
)

#: Eponyms that hardly anybody bears: alone, without a title or label, they are medicine; folded.
SURE_EPONYMS: frozenset[str] = word_set(
    """parkinson, alzheimer, hodgkin, crohn, kaposi, babinski, romberg, marfan, cushing, hashimoto,
    raynaud, sjogren, tourette, guillain, reye, kawasaki, wernicke, korsakoff, charcot,
    hirschsprung, meckel, zenker, peyronie, dupuytren, colles, mcburney, rovsing, kernig,
    brudzinski, homans, phalen, tinel, lachman, apgar, glasgow, braden, epworth, likert,
    papanicolaou, doppler, holter, kirschner, steinmann, kocher, billroth, nissen, lefort, gleason,
    breslow, karnofsky, trendelenburg, valsalva, heimlich, kegel, epley, hallpike, spurling,
    schirmer, snellen, ishihara, rinne, mantoux, coombs, purkinje, kupffer, langerhans, gaucher,
    niemann, nyhan,
    ehlers, danlos, brugada, mirizzi, calot, agatston, fleischner, fleischer, kayser,
    nikolsky, cheyne, cormack, lehane, mallampati, kussmaul, ogilvie, bhutani, leopold, vanderbilt,
    bowen, macintosh, seldinger, killip, koplik, virchow, courvoisier, westermark, kerley, janeway,
    yergason, finkelstein, froment, adson, gaenslen, lasegue, hoffmann, chvostek, trousseau,
    lhermitte, uhthoff, descemet, schlemm, bartholin, skene, fournier, mondor, ludwig"""
)

#: Forms of address that are no titles, folded.
POLITE: frozenset[str] = word_set(
    """herr, herrn, frau, fr, hr, hrn, familie, fraulein, patient, patientin, patienten,
    schwester, pfleger, eheleute, kollege, kollegen, kollegin, sr, sra, srs, sras, srta,
    senhor, senhora, senor, senora, don, dona, d, m, mm, mme, mmes, mlle, monsieur, madame,
    mademoiselle, signor, signora, sig, dhr, mevr, mevrouw, mw, de heer, heer, pt, baby"""
)

#: Titles that are also plain words or ranks of things: what follows must look like a name; folded.
WEAK_TITLES: frozenset[str] = word_set(
    """patient, pt, baby, baby boy, baby girl, nurse, director, coach, king, queen, prince,
    princess, agent, general, gen, major, maj, private, president, principal, therapist,
    father, sister, brother, secretary, minister, officer, judge, justice, counsel, doctor,
    captain, inspector, cna, lpn, lvn, crna, np, aprn, arnp, cma, huc,
    uncle, aunt, cousin, rn, lady, lord, pharmacist, chaplain, patientin,
    patienten, kollege, kollegen, kollegin, schwester, pfleger, familie, presidente, civil,
    soldado, cabo"""
)
