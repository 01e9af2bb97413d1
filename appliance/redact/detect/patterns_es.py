"""Spanish patterns: identifiers of Spain and Latin America, clinics, addresses."""

from __future__ import annotations

from appliance.redact.detect import checksums
from appliance.redact.detect.patterns import WEAK_VALUE, Pattern, anchored, labelled, shaped
from appliance.redact.detect.patterns_common import month_dates

_MONTHS = (
    "enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre|noviembre"
    "|diciembre"
    "|ene|feb|mar|abr|may|jun|jul|ago|sept|sep|oct|nov|dic"
)
_SEP = (
    r"(?:[ \t]*(?:n[º°ª.o]{0,2}\.?|núm(?:ero|\.)?|numero|de|del|es"
    r"|/[A-Z]{3}))*[ \t]*[º°]?[ \t]*(?:[:=#\-–]|\|)?[ \t]*\n?[ \t]*[\"'(]?[ \t]*"
)
_CAP = r"[A-ZÀ-Ý0-9][\wÀ-ÿ'’.\-]*"
_LINK = r"(?:(?:de|del|la|las|los|el|y|i|d')[ ]){0,3}"

IDENTIFIERS: tuple[Pattern, ...] = (
    shaped(
        "es_nif",
        "ES_NIF",
        r"(?<![\w\-])(?:\d{8}[ \-]?[A-HJ-NP-TV-Z]|\d{2}\.\d{3}\.\d{3}[ \-]?[A-HJ-NP-TV-Z])(?!\w)",
        score=0.65,
        check=checksums.nif_es,
        lead="digit",
        digits=8,
    ),
    shaped(
        "es_nie",
        "ES_NIE",
        r"(?<![\w\-])[XYZ][ \-]?\d{7}[ \-]?[A-HJ-NP-TV-Z](?!\w)",
        score=0.75,
        check=checksums.nif_es,
        lead="capital",
    ),
    shaped("es_cif", "ES_CIF", r"(?<![\w\-])[ABCDEFGHJNPQRSUVW]-?\d{7}-?[0-9A-J](?!\w)", score=0.5),
    labelled(
        "es_documents",
        "ES_NIF",
        "dni, d.n.i., nif, n.i.f., cif, c.i.f., pasaporte, curp, rfc, cuit, cuil,"
        " rut, cédula, cedula, cédula de identidad, documento de identidad, documento,"
        " tarjeta de residencia",
        value=r"(?P<v>(?=(?:[\w.\-]*\d){4})[A-Z0-9][\w.\-]{4,24}\w(?:[ \-](?-i:[A-Z]))?)(?!\w)",
        separator=_SEP,
        score=0.8,
        check=checksums.nif_es,
    ),
    labelled(
        "es_nie_labelled",
        "ES_NIE",
        "nie, n.i.e.",
        value=r"(?P<v>(?=(?:[\w.\-]*\d){4})[A-Z0-9][\w.\-]{4,24}\w)(?!\w)",
        separator=_SEP,
        score=0.8,
        check=checksums.nif_es,
    ),
    labelled(
        "es_health",
        "MEDICAL_RECORD_NUMBER",
        "nhc, n.h.c., historia clínica, historia clinica, historia, hc, nº historia,"
        " nº de historia, episodio, expediente, cipa, cip, sip, nuhsa, cias, id paciente,"
        " paciente nº, nasi, nº de paciente, código de paciente, muestra, biopsia, nº biopsia,"
        " informe nº",
        value=(
            r"(?P<v>\d{2,6}(?: \d{2,7}){1,4}(?!\w)"
            r"|(?=(?:[\w.\-/]*\d){3})[A-Z0-9][\w.\-/]{2,24}\w)"
        ),
        separator=_SEP,
        score=0.8,
    ),
    labelled(
        "es_social",
        "ES_NSS",
        "nass, nss, naf, nuss, n.a.s.s., seguridad social, nº seguridad social,"
        " número de la seguridad social, afiliación, nº afiliación, tsi, tarjeta sanitaria",
        value=r"(?P<v>\d{2}[ /\-]?\d{4,8}[ /\-]?\d{0,8}(?:[ /\-]\d{1,2})?|[A-Z]{4}\d{10,14})(?!\w)",
        separator=_SEP,
        score=0.8,
    ),
    labelled(
        "es_licence",
        "LICENSE_NUMBER",
        "nºcol, nº col, n colegiado, ncol, nº colegiado, nº de colegiado, núm. colegiado,"
        " colegiado, colegiada, número de colegiado, col, col., no colegiado, n.º col",
        value=r"(?P<v>\d{2,6}(?:[ /\-]\d{2,7}){0,4})(?![\w])",
        separator=r"(?:[ \t]*(?:n[º°.o]{1,2}|núm\.?))?[ \t]*\.?[ \t]*[:#]?[ \t]*",
        score=0.75,
    ),
    labelled(
        "es_account",
        "ACCOUNT_NUMBER",
        "cuenta, cuenta corriente, nº de cuenta, ccc, tarjeta, nº tarjeta, póliza, poliza,"
        " nº de póliza, contrato, factura, cliente, nº de cliente, referencia, ref, ref., pedido,"
        " expediente nº, matrícula, bastidor, nº de serie, lote, nº de lote, registro,"
        " procedimiento, autos, diligencias, atestado, permiso de conducir, carné de conducir,"
        " licencia, usuario, id",
        value=WEAK_VALUE,
        separator=_SEP,
        score=0.65,
    ),
    labelled(
        "es_secret",
        "PASSWORD",
        "contraseña, clave, clave de acceso, pin, código de acceso",
        value=r"(?P<v>(?=[^\s\"']*\d)[^\s\"',;]{3,64}[^\s\"',;.)])",
        separator=r"[ \t]*(?:[:=]|es)[ \t]*[\"']?",
        score=0.7,
    ),
)

CONTACT: tuple[Pattern, ...] = (
    shaped(
        "es_phone",
        "PHONE_NUMBER",
        r"(?<![\w.\-/,])(?:(?:\+|00)34[ \-.]?)?[6789]\d{2}[ \-.]?(?:\d{3}[ \-.]?\d{3}"
        r"|\d{2}[ \-.]?\d{2}[ \-.]?\d{2})(?![\w\-/])(?!\.\d)",
        score=0.5,
        lead="digit",
        digits=9,
    ),
    labelled(
        "es_phone_labelled",
        "PHONE_NUMBER",
        "teléfono, telefono, teléfonos, tel, tel., tfno, tfno., tlf, tlf., tlfno, tfn, móvil,"
        " movil, celular, fax, contacto, extensión, ext, busca, llamar al, whatsapp",
        value=r"(?P<v>(?=(?:[ ().\-/]{0,3}\d){4,15}(?!\d))\+?\(?\d[\d ().\-/]{2,20}\d)(?![\w\-/])",
        separator=(
            r"(?:[ \t]*\([^)\d\n]{1,20}\))?\.?[ \t]*(?:n[º°.o]{1,2}|de|es"
            r"|al)?[ \t]*[:#=]?[ \t]*\n?[ \t]*"
        ),
        score=0.75,
    ),
)

PLACES: tuple[Pattern, ...] = (
    shaped(
        "es_street",
        "LOCATION",
        r"(?<!\w)(?:Calle|C/|C\.|c/|Cl\.|Avenida|Avda\.?|Av\.|Avd\.?|Plaza|Pza\.?|Pl\.|Paseo"
        r"|P[ºo°]\.?|Pº|Ronda|Carretera|Ctra\.?|Camino|Travesía|Glorieta|Urbanización|Urb\.|Vía"
        r"|Gran Vía|Rambla|Passeig|Carrer|Callejón|Cuesta|Polígono|Pol\.|Alameda|Barrio|Jirón"
        r"|Carrera|Calzada|Pasaje|Bulevar)"
        rf"[ ]{{0,2}}{_LINK}{_CAP}(?:[ ]{_LINK}{_CAP}){{0,6}}(?:[ ]?,[ ]?(?:n[º°ú.mo]{{0,3}}\.?[ ]"
        rf"?)?\d{{1,4}}[A-Za-z]?)?"
        r"(?:[ ]?[,\-–][ ]?(?:\d{1,3}[ºª°]?[ ]?[A-Z]?\b|[Bb]loque[ ]?\w+|[Ee]scalera[ ]?\w+"
        r"|[Pp]iso[ ]?\w+|[Pp]ortal[ ]?\w+|P\d+[ ]?\d?[A-Z]?|[Pp]uerta[ ]?\w+|[Bb]ajo[ ]?\w?\b"
        r"|s/n|[Ii]zq\w*|[Dd]cha?\w*|[Ee]sc\.?[ ]?\w+|[Áá]tico))*(?:,[ ]?s/n)?",
        score=0.65,
    ),
    labelled(
        "es_postal",
        "ZIP_CODE",
        "cp, c.p., código postal, codigo postal, cód. postal, c. p.",
        value=r"(?P<v>\d{4,5})(?!\d)",
        separator=_SEP,
        score=0.85,
    ),
    shaped(
        "es_postal_city",
        "LOCATION",
        rf"(?<![\w.,/\-])(?P<v>(?:0[1-9]|[1-4]\d|5[0-2])\d{{3}}[ ,.\-–]{{1,3}}{_LINK}[A-ZÀ-Ý][\wÀ-"
        rf"ÿ'’\-]+(?:[ ]{_LINK}[A-ZÀ-Ý][\wÀ-ÿ'’\-]+){{0,3}}(?:[ ]?\([A-ZÀ-Ý][\wÀ-ÿ ]+\))?)",
        score=0.6,
        lead="digit",
        digits=5,
    ),
    labelled(
        "es_address_labelled",
        "LOCATION",
        "domicilio, dirección, direccion, localidad, localidad/provincia, localidad/ provincia,"
        " localidad / provincia, provincia, población, ciudad, municipio, país, pais,"
        " lugar de nacimiento, residencia, centro, centro de trabajo, procedencia, nacionalidad,"
        " barrio, colonia, comunidad",
        value=(
            r"(?P<v>[A-ZÀ-Ý0-9][^\n|;:]{1,90}?)(?=[ \t]*(?:$|\n|\||;|[ \t]{3,}|\.[ \n]|\.$|(?:Tel"
            r"|Teléfono|CP|DNI|NHC|Fecha|Sexo|Edad|E-?mail|Médico|País|NASS|CIPA)\b))"
        ),
        separator=r"[ \t]*(?:\([^)\n]{1,14}\))?[ \t]*[:=][ \t]*\n?[ \t]*",
        score=0.65,
    ),
    shaped(
        "es_place_cue",
        "LOCATION",
        r"(?<!\w)(?i:natural de|nacid[oa] en|residente en|reside en|vive en|procedente de"
        r"|vecin[oa] de|viaj[eó] a|originari[oa] de|ciudad de|provincia de|ingresad[oa] en"
        rf"|trasladad[oa] a)[ ](?P<v>(?:(?:la|el|las|los)[ ])?[A-ZÀ-Ý][\wÀ-ÿ'’\-]{{2,}}(?:[ ]"
        rf"{_LINK}[A-ZÀ-Ý][\wÀ-ÿ'’\-]+){{0,3}})",
        score=0.35,
    ),
)

DATES: tuple[Pattern, ...] = (
    *month_dates("es", _MONTHS, link="de|del|/", ordinal="º|°", month_first=False),
    shaped(
        "es_year",
        "DATE_TIME",
        r"(?<!\w)(?i:en|de|desde|hasta|año|años|entre|y|a|del|finales de|principios de"
        r"|mediados de)[ ](?P<v>(?:19[3-9]|20[0-4])\d)(?![\w/]|[.,]\d)",
        score=0.45,
    ),
    labelled(
        "es_date_labelled",
        "DATE_TIME",
        "fecha, fecha de nacimiento, fecha nacimiento, f. nac, f.nac, nacido el, nacida el,"
        " fecha de ingreso, ingreso, fecha de alta, alta, fecha de intervención, caducidad",
        value=r"(?P<v>\d{1,4}[ ]?[/.\-][ ]?\d{1,2}(?:[ ]?[/.\-][ ]?\d{1,4})?)(?![\w/\-])",
        separator=r"[ \t]*(?:[:=#|]|el\b|es\b)?[ \t]*\n?[ \t]*",
        score=0.75,
    ),
)

AGES: tuple[Pattern, ...] = (
    anchored(
        "es_age",
        "AGE",
        "años, año, meses, mes, días, semanas",
        r"(?<![\w.\-/,])(?P<v>\d{1,3}[ \t]*(?:años?|meses|mes|días|semanas))[ ]de (?:edad|vida)",
        score=0.75,
        before=6,
    ),
    shaped(
        "es_age_person",
        "AGE",
        r"(?i)(?<!\w)(?:paciente|varón|mujer|hombre|niñ[oa]|señor[a]?|lactante|ancian[oa]|jóven"
        r"|joven|chic[oa]|embarazada|gestante|adolescente|edad|femenin[oa]|masculin[oa]|bebé"
        r"|raza \w+|nulípara|hij[oa]s?|herman[oa]s?|años y)(?: \w+){0,3},?[ ](?:de )?(?P<v>\d{1,3}"
        r"[ ](?:años|meses|días|semanas)(?:[ ]y[ ]\d{1,2}[ ]meses)?)(?!\w)",
        score=0.6,
    ),
    labelled(
        "es_age_labelled",
        "AGE",
        "edad",
        value=r"(?P<v>\d{1,3}(?:[ ]?(?:años?|meses|mes|días|a\b|m\b))?)(?!\d)",
        separator=r"[ \t]*(?:[:=|]|de\b|es\b)?[ \t]*",
        score=0.75,
    ),
)

ORGANIZATIONS: tuple[Pattern, ...] = (
    shaped(
        "es_org",
        "ORGANIZATION",
        r"(?<!\w)(?:Hospital|Clínica|Clinica|Complejo Hospitalario|Centro de Salud|Centro"
        r"|Fundación|Instituto|Universidad|Facultad|Sanatorio|Residencia|Policlínica|Consorcio"
        r"|Servicio de Urgencias|Ambulatorio|Colegio|Escuela|Banco|Ayuntamiento|Ministerio"
        r"|Juzgado|Tribunal|Audiencia|Consejería|Corporació|Institut"
        rf"|Hospitales)(?:[ ]{_LINK}(?:General|Universitario|Universitaria|[A-ZÀ-Ý][\wÀ-ÿ'’.\-]*"
        rf"|\d{{1,2}}[ ]de[ ](?i:octubre))){{1,7}}",
        score=0.5,
        lead="capital",
    ),
    shaped(
        "es_org_tail",
        "ORGANIZATION",
        r"(?<!\w)(?:[A-ZÀ-Ý][\wÀ-ÿ&'’\-]*[ ,]{1,2}){1,5}(?:S\.A\.U?\.?|S\.L\.U?\.?|SL|SA"
        r"|S\.A)(?!\w)",
        score=0.5,
        lead="capital",
    ),
)

PATTERNS: tuple[Pattern, ...] = IDENTIFIERS + CONTACT + PLACES + DATES + AGES + ORGANIZATIONS
