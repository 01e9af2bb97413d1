"""Words of judgments around names: titles, ranks, offices, posts, and abbreviations that are none.

Parts of regular expressions, and sets of folded words; `names_court` puts them together.
"""

from __future__ import annotations

from appliance.redact.detect.names_cues import word_set

TITLES = (
    r"(?:M(?:rs?|s|iss|x|essrs|lle|me|mes)|Doctor|Drs?|Prof|Professor|Judges?|Justice|Maître|Me"
    r"|Sir|Lord"
    r"|Lady|Dame|Captain|Capt|Major|Colonel|Col|General|Gen|Lieutenant|Lt|Sergeant|Sgt"
    r"|Corporal|Private|Constable|Inspector|Detective|Officer|Investigator|Prosecutor|Commissar"
    r"|Commander|Warden|Coroner|Imam|Father|Sister|Brother|Bishop|Rabbi|Archbishop|Metropolitan"
    r"|Reverend|Rev|Hodja|Sheikh|Sheriff|Ambassador|Senator|Councillor|Mayor|Minister|President"
    r"|Advocate|Notary|Bailiff"
    r"|Comrade|Citizen|Witness|Nurse|Chancellor|Superintendent|Lieutenant-Colonel"
    r"|Major-General|Rapporteur)"
)
#: Titles of other languages, which English reads as part of the name.
FOREIGN = (
    r"(?:Herrn?|Frau|Fräulein|Señora?|Señorita|Signora?|Signorina|Conselheir[oa]|Desembargador"
    r"|Don|Doña|Dom|Dona|Pan|Pani|Suor|Fra|Madame|Monsieur|Mademoiselle|Maître|Abbé|Kyria|Kyrios"
    r"|adwokat|mecenas|radca|advokat|avvocato|avvocata|avv|avocat|avukat|abogad[oa]|advogad[oa]"
    r"|inż|mgr|(?:st\.[ ])?(?:sierż|asp)|podkom|nadkom|kom|kpt|por|mjr|ppłk|płk|sędzia|mr"
    r"|Rechtsanw(?:alt|ältin)|Mag|Dipl\.-Ing|Ing|Mgr|JUDr|MUDr|PhDr|Bc|özvegy|Hodja|Hoca|Bay|Bayan)"
)
DEGREE = r"(?:(?:med|jur|iur|phil|habil|hab|rer|nat|oec|theol|h)\.[ ]?(?:c\.|nat\.|pol\.)?)"
RANK = r"(?:W?PC|DC|PS|DS|DI|DCI|DCS|DSU|DAC|PCSO|WPS|TDC)[ ](?:\d{1,5}[ ])?"
OFFICES = (
    r"(?:co-)?(?:judge|prosecutor|investigator|inspector|officer|policeman|policewoman|constable"
    r"|sergeant|gendarme|guard|warder|warden|governor|director|head|chief|commander|captain"
    r"|colonel"
    r"|lieutenant|major|private|soldier|conscript|bailiff|notary|registrar|clerk|coroner|commissar"
    r"|mayor|minister|deputy|senator|councillor|ambassador|consul|agent|counsel|lawyer|advocate"
    r"|solicitor|barrister|attorney|trainee|representative|expert|psychiatrist|psychologist"
    r"|doctor"
    r"|surgeon|physician|nurse|paramedic|pathologist|gynaecologist|dentist|pharmacist|interpreter"
    r"|translator|journalist|editor|reporter|photographer|publisher|author|writer|professor"
    r"|teacher"
    r"|headmaster|priest|imam|pastor|monk|nun|bishop|witness|victim|complainant|applicant|accused"
    r"|defendant|co-defendant|co-accused|accomplice|suspect|detainee|prisoner|inmate|cellmate"
    r"|plaintiff|claimant|respondent|appellant|petitioner|informant|minor|neighbour|neighbor"
    r"|acquaintance|friend|colleague|partner|cohabitant|cohabitee|companion|fiancé|fiancée"
    r"|landlord|tenant|lessee|owner|manager|accountant|cashier|secretary|driver|passenger|employer"
    r"|employee|shareholder|heir|creditor|debtor|buyer|seller|customer|guardian|trustee"
    r"|liquidator|receiver|administrator|mediator|surveyor|architect|engineer|farmer|worker"
    r"|son|daughter|wife|husband|brother|sister|mother|father|spouse|cousin|nephew|niece|uncle"
    r"|aunt|grandmother|grandfather|grandson|granddaughter|grandchild|stepson|stepdaughter"
    r"|stepfather|stepmother|half-brother|half-sister|twin|baby|infant|child|boy|girl|man|woman"
    r"|son-in-law|daughter-in-law|father-in-law|mother-in-law|brother-in-law|sister-in-law"
    r"|godson|goddaughter|godfather|godmother|widow|widower|ex-wife|ex-husband|ex-partner|lover"
    r"|mistress|girlfriend|boyfriend|passer-by|bystander|trainer|coach|player|singer|actor"
    r"|candidate|leader|activist|member|chairman|chairwoman|chairperson|president|vice-president"
    r"|rapporteur|volunteer|caretaker|housekeeper|cleaner|social[ ]worker|student|pupil|patient)"
)
PLURAL = (
    r"(?:[Jj]udges|Messrs|MM\.|Mmes|(?i:officers|prosecutors|investigators|lawyers|advocates"
    r"|policemen"
    r"|constables|witnesses|victims|applicants|accused|defendants|co-defendants|complainants|sons"
    r"|daughters|children|brothers|sisters|parents|nephews|nieces|cousins|grandchildren"
    r"|siblings|twins|neighbours|friends|colleagues|heirs|experts|doctors|privates|conscripts"
    r"|guards|gendarmes|representatives|agents|members|minors|boys|girls|men|women|prisoners"
    r"|detainees|cellmates|journalists|relatives|lay[ ]judges|jurors|named|namely|called))"
)
#: Initials that are a company's form behind a name, a clock's behind a number.
FORMS = word_set("sa, ag, nv, bv, srl, spa, kg, ad, as, sc, doo, dd, sro, sarl, ltd, sl, sas, plc")
CLOCKS = word_set("am, pm, ad, bc, ce, km, kg")
#: Abbreviations that keep their full stops.
DOTTED = word_set(
    """us, uk, un, eu, ec, eea, dc, ny, nj, usa, ussr, uae, usc, cfr, phd, qc, kc, rsfsr, zoo,
    srl, spa, sarl"""
)
SHORT = word_set(
    """no, nr, st, mr, ms, dr, jr, sr, co, ch, cf, op, ed, ex, al, fr, br, lt, art, eg, ie, id, ss,
    pp, us, uk, eu, un, as, in, on, at, it, he, by, so, to, of, or, if, an, am, is, we, my, do, ps,
    me, ul, pl, bl, kv, vs, va, mt, ft, ad, ag, sa, oj, hr"""
)
NOT_CODES = word_set(
    """us, uk, eu, un, ec, ussr, usa, uae, tv, id, ip, pc, it, gp, mp, qc, kc, ngo, hiv,
    dna, law, act, the, and, not, iii, ii, iv, vi, vii, ix, xi, xii, ltd, plc, llc, llp, sr,
    jr, mr, ms, dr, md, phd, pkk, kgb, fsb, nkvd, mvd, ooo, oao, zao, plo, ira, eta, cia,
    fbi, mi5, ecj, echr, cpt, cms, imf, who, ilo, osce, nato, sdp, spd, cdu, fpo, bbc, cnn,
    gdr, frg, fry, bih, hm, dc, pc, ps, di, ds, dci, cps, ro, ss, ad, bc, am, pm, psa, dvd,
    cv, suv, vat, gmc, nhs, nmt, rtl, asn, sms, url, pin"""
)
#: Posts and bodies that stand where a name may.
POSTS = word_set(
    """president, vice-president, judge, justice, registrar, agent, agents, deputy, minister, court,
    government, section, chamber, prosecutor, secretary, state, article, articles, general,
    attorney-general, having, delivers, office, police, ministry, department, district, regional,
    supreme, council, committee, commission, commissioner, directorate, parliament, party, bar,
    law, act, code, convention, protocol, republic, chief, head, director, others, rule, rules,
    rapporteur, ombudsman, governor, acting, ad, federal, national, european, public, prime, city,
    first, second, third, fourth, fifth, senior, junior, lay, legal, general, chambers,
    municipal, county, high, constitutional, criminal, civil, administrative, appeal, appeals"""
)
