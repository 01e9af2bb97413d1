"""French, Italian and Dutch patterns: identifiers, phones, dates, addresses."""

from __future__ import annotations

from appliance.redact.detect import checksums
from appliance.redact.detect.patterns import WEAK_VALUE, Pattern, anchored, labelled, shaped
from appliance.redact.detect.patterns_common import month_dates

_SEP = (
    r"(?:[ \t\-]*(?:n[º°.o]{0,2}\.?|num(?:éro|ero|mer)|nr|code|codice|de|di|du|est|is"
    r"|è)\b\.?)*[ \t]*[º°]?[ \t]*(?:[:=#\-–]|\|)?[ \t]*\n?[ \t]*[\"'(]?[ \t]*"
)
_PHONE_VALUE = r"(?P<v>(?=(?:[ ().\-/]{0,3}\d){4,15}(?!\d))\+?\(?\d[\d ().\-/]{2,22}\d)(?![\w\-/])"
_PHONE_SEP = r"(?:[ \t]*\([^)\d\n]{1,20}\))?\.?[ \t]*(?:n[º°.o]{1,2})?[ \t]*[:#=]?[ \t]*\n?[ \t]*"
_CAP = r"[A-ZÀ-Ý0-9][\wÀ-ÿ'’.\-]*"

FRENCH: tuple[Pattern, ...] = (
    shaped(
        "fr_nir",
        "FR_NIR",
        r"(?<![\w\-])[12378][ ]?\d{2}[ ]?(?:0[1-9]|1[0-2]|[2-9]\d)[ ]?(?:\d{2}"
        r"|2[AB])[ ]?\d{3}[ ]?\d{3}(?:[ ]?\d{2})?(?!\w)",
        score=0.65,
        check=checksums.nir,
        lead="digit",
        digits=1,
    ),
    labelled(
        "fr_documents",
        "ID_NUMBER",
        "nir, n° ss, numéro de sécurité sociale, sécurité sociale, n° sécu, sécu, carte vitale,"
        " ipp, nip, ins, n° dossier, dossier, numéro de dossier, n° patient, passeport,"
        " carte d'identité, cni, permis de conduire, permis, siret, siren, tva, rpps, adeli,"
        " finess, n° fiscal, numéro fiscal, spi, immatriculation, matricule, contrat, police,"
        " compte, client, n° client, facture, référence, réf, commande, série, lot",
        value=WEAK_VALUE,
        separator=_SEP,
        score=0.7,
    ),
    shaped(
        "fr_phone",
        "PHONE_NUMBER",
        r"(?<![\w.,/\-])(?:(?:\+|00)33[ .\-]?(?:\(0\)[ ]?)?|0)[1-9](?:[ .\-]?\d{2}){4}(?![\w\-/])",
        score=0.65,
        lead="digit",
        digits=9,
    ),
    labelled(
        "fr_phone_labelled",
        "PHONE_NUMBER",
        "téléphone, telephone, tél, tél., tel, tel., portable, mobile, fax, télécopie, poste,"
        " standard",
        value=_PHONE_VALUE,
        separator=_PHONE_SEP,
        score=0.75,
    ),
    shaped(
        "fr_street",
        "LOCATION",
        rf"(?<!\w)(?:\d{{1,4}}[ ]?(?:bis|ter|quater)?,?[ ])?(?i:rue|avenue|av\.|boulevard|bd|bld"
        r"|place|allée|impasse|chemin|route|quai|cours|square|faubourg|résidence|lotissement"
        r"|passage|villa|esplanade|rond-point)[ ](?:(?:de|du|des|la|le|les|l'|d'|l’|d’"
        rf"|et)[ ]?){{0,3}}{_CAP}(?:[ ](?:(?:de|du|des|la|le|les|l'|d'"
        rf"|et)[ ]?){{0,3}}{_CAP}){{0,4}}",
        score=0.55,
    ),
    shaped(
        "fr_postal_city",
        "LOCATION",
        r"(?<![\w.,/\-])(?:F-)?(?P<v>\d{5}[ ][A-ZÀ-Ý][\wÀ-ÿ'’\-]+(?:[ \-][A-ZÀ-Ý][\wÀ-ÿ'’\-]+){0,3"
        r"}(?:[ ](?i:cedex)(?:[ ]\d{1,2})?)?)",
        score=0.55,
    ),
    labelled(
        "fr_address_labelled",
        "LOCATION",
        "adresse, domicile, ville, commune, lieu de naissance, code postal, pays, demeurant,"
        " domicilié à, domiciliée à, résidant à, habitant à, né à, née à",
        value=(
            r"(?P<v>[A-ZÀ-Ý0-9][^\n|;:]{1,80}?)(?=[ \t]*(?:$|\n|\||;|[ \t]{3,}|\.[ \n]|,[ ](?:le"
            r"|de|qui)|(?:Tél|Tel|Fax|E-?mail|Né)\b))"
        ),
        separator=r"[ \t]*[:=]?[ \t]*\n?[ \t]*",
        score=0.55,
    ),
    *month_dates(
        "fr",
        "janvier|février|fevrier|mars|avril|mai|juin|juillet|août|aout|septembre|octobre|novembre"
        "|décembre|decembre"
        "|janv|févr|fév|avr|juil|sept|oct|nov|déc",
        ordinal="er",
        month_first=False,
    ),
    shaped(
        "fr_year",
        "DATE_TIME",
        r"(?<!\w)(?i:en|depuis|année|de|jusqu'en|vers|fin|début)[ ](?P<v>(?:19[3-9]"
        r"|20[0-4])\d)(?![\w/]|[.,]\d)",
        score=0.45,
    ),
    anchored(
        "fr_age",
        "AGE",
        "ans, mois",
        r"(?<![\w.,/\-])(?P<v>\d{1,3})[ ](?:ans|mois)(?=\b(?:,|[ ]et|\.|\)|[ ](?:né|née|est|qui"
        r"|présent|hospitalis|admis|souffr|vivant|habitant|demeurant|adress)))",
        score=0.55,
        before=5,
    ),
    anchored(
        "fr_age_of",
        "AGE",
        "âgé, agé, âge",
        r"(?:âgée?s?|agée?|âge)[ :]{1,3}(?:de[ ])?(?P<v>\d{1,3})(?!\d)",
        score=0.75,
    ),
)

ITALIAN: tuple[Pattern, ...] = (
    shaped(
        "it_fiscal",
        "IT_FISCAL_CODE",
        r"(?<!\w)[A-Z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z](?!\w)",
        score=0.8,
        check=checksums.codice_fiscale,
        lead="capital",
    ),
    labelled(
        "it_documents",
        "ID_NUMBER",
        "codice fiscale, c.f., cf, partita iva, p.iva, p. iva, piva, carta d'identità,"
        " carta di identità, patente, passaporto, tessera sanitaria, cartella clinica,"
        " nosologico, n. cartella, targa, pratica, protocollo, polizza, conto, cliente, fattura,"
        " matricola, rif",
        value=WEAK_VALUE,
        separator=_SEP,
        score=0.7,
    ),
    labelled(
        "it_phone",
        "PHONE_NUMBER",
        "telefono, tel, tel., cellulare, cell, cell., fax, recapito, mobile",
        value=_PHONE_VALUE,
        separator=_PHONE_SEP,
        score=0.75,
    ),
    shaped(
        "it_phone_shape",
        "PHONE_NUMBER",
        r"(?<![\w.,/\-])(?:(?:\+|00)39[ ]?)?(?:3\d{2}[ .\-/]?\d{3}[ .\-]?\d{3,4}"
        r"|0\d{1,3}[ .\-/]\d{5,8})(?![\w\-/])",
        score=0.55,
        lead="digit",
        digits=7,
    ),
    shaped(
        "it_street",
        "LOCATION",
        r"(?<!\w)(?:Via|Viale|V\.le|Piazza|P\.za|Piazzale|Corso|C\.so|Largo|Vicolo|Strada"
        r"|Contrada|Località|Lungomare|Salita)[ ](?:(?:di|del|della|dei|delle|dell'|d'|san"
        rf"|santa)[ ]?){{0,2}}{_CAP}(?:[ ](?:(?:di|del|della|dei|delle"
        rf"|e)[ ])?{_CAP}){{0,4}}(?:,?[ ](?:n\.?[ ]?)?\d{{1,4}}(?:/?[A-Za-z])?)?",
        score=0.6,
        lead="capital",
    ),
    shaped(
        "it_postal_city",
        "LOCATION",
        r"(?<![\w.,/\-])(?:I-)?(?P<v>\d{5}[ ][A-ZÀ-Ý][\wÀ-ÿ'’]+(?:[ ][A-ZÀ-Ý][\wÀ-ÿ'’]+){0,3}(?:[ "
        r"]\([A-Z]{2}\))?)",
        score=0.5,
    ),
    *month_dates(
        "it",
        "gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre"
        "|dicembre"
        "|gen|feb|mar|apr|mag|giu|lug|ago|set|ott|nov|dic",
        ordinal="º|°",
        month_first=False,
    ),
    shaped(
        "it_year",
        "DATE_TIME",
        r"(?<!\w)(?i:nel|dal|del|anno|fino al|al)[ ](?P<v>(?:19[3-9]|20[0-4])\d)(?![\w/]|[.,]\d)",
        score=0.45,
    ),
    anchored(
        "it_age",
        "AGE",
        "anni",
        r"(?<![\w.,/\-])(?:di|anni|età|ha|età:)?[ ]?(?P<v>\d{1,3})[ ]anni(?![ ](?:fa|prima|dopo"
        r"|di (?:esperienza|servizio|reclusione)))",
        score=0.5,
        before=9,
    ),
)

DUTCH: tuple[Pattern, ...] = (
    labelled(
        "nl_bsn",
        "NL_BSN",
        "bsn, burgerservicenummer, sofinummer, sofi-nummer",
        value=r"(?P<v>\d{3,4}[ .]?\d{2,3}[ .]?\d{2,3})(?!\d)",
        separator=_SEP,
        check=checksums.bsn,
    ),
    shaped(
        "nl_bsn_shape",
        "NL_BSN",
        r"(?<![\w.,/\-])\d{9}(?![\w\-/]|[.,]\d)",
        score=0.4,
        check=checksums.bsn,
        check_required=True,
        lead="digit",
        digits=9,
    ),
    labelled(
        "nl_documents",
        "ID_NUMBER",
        "patiëntnummer, patientnummer, patiëntnr, dossiernummer, dossier, polisnummer,"
        " klantnummer, rekeningnummer, paspoort, paspoortnummer, rijbewijs, rijbewijsnummer,"
        " kenteken, kvk, kvk-nummer, btw, btw-nummer, big, big-nummer, agb, agb-code,"
        " factuurnummer, ordernummer, zaaknummer, personeelsnummer, verzekerdennummer,"
        " documentnummer",
        value=WEAK_VALUE,
        separator=_SEP,
        score=0.75,
    ),
    labelled(
        "nl_phone",
        "PHONE_NUMBER",
        "telefoon, telefoonnummer, tel, tel., mobiel, gsm, fax, toestel, 06",
        value=_PHONE_VALUE,
        separator=_PHONE_SEP,
        score=0.75,
    ),
    shaped(
        "nl_phone_shape",
        "PHONE_NUMBER",
        r"(?<![\w.,/\-])(?:(?:\+|00)31[ \-]?(?:\(0\))?|0)(?:6[ \-]?\d{8}"
        r"|6[ \-]?\d{2}[ ]?\d{2}[ ]?\d{2}[ ]?\d{2}|\d{2,3}[ \-]\d{6,7}"
        r"|\d{2,3}[ \-]\d{3}[ ]?\d{2}[ ]?\d{2})(?![\w\-/])",
        score=0.6,
        lead="digit",
        digits=9,
    ),
    shaped(
        "nl_street",
        "LOCATION",
        r"(?<![\w\-])(?:[A-Z][\wÀ-ÿ'’]*[ ]){0,3}[A-Z][\wÀ-ÿ'’]*(?:straat|weg|laan|plein|gracht"
        r"|kade|singel|dijk|hof|steeg|dreef|pad|park|markt|plantsoen"
        r"|ring)[ ]\d{1,4}[ ]?[a-zA-Z]?(?:[\- ]?\d{0,3})(?!\w)",
        score=0.65,
        lead="capital",
    ),
    shaped(
        "nl_postal",
        "ZIP_CODE",
        r"(?<![\w\-])[1-9]\d{3}[ ]?(?!SA|SD|SS)[A-Z]{2}(?!\w)",
        score=0.6,
        lead="digit",
        digits=4,
    ),
    *month_dates(
        "nl",
        "januari|februari|maart|april|mei|juni|juli|augustus|september|oktober|november|december"
        "|jan|feb|mrt|apr|jun|jul|aug|sept|sep|okt|nov|dec",
        month_first=False,
    ),
    shaped(
        "nl_year",
        "DATE_TIME",
        r"(?<!\w)(?i:in|sinds|vanaf|jaar|tot)[ ](?P<v>(?:19[3-9]|20[0-4])\d)(?![\w/]|[.,]\d)",
        score=0.45,
    ),
    anchored(
        "nl_age",
        "AGE",
        "jaar, jarig",
        r"(?<![\w.,/\-])(?P<v>\d{1,3})(?:-jarige?|[ ]jarige?|[ ]jaar(?=[ ]oud|,|\)))",
        score=0.7,
        before=5,
    ),
)
