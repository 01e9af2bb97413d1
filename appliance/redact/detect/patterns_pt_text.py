"""Portuguese patterns: phones, addresses, dates, ages, organizations."""

from __future__ import annotations

from appliance.redact.detect.patterns import Pattern, anchored, labelled, shaped
from appliance.redact.detect.patterns_common import month_dates

_MONTHS = (
    "janeiro|fevereiro|março|marco|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro"
    "|jan|fev|mar|abr|mai|jun|jul|ago|set|out|nov|dez"
)
_UF = "AC|AL|AP|AM|BA|CE|DF|ES|GO|MA|MT|MS|MG|PA|PB|PR|PE|PI|RJ|RN|RS|RO|RR|SC|SP|SE|TO"
_SEP = (
    r"(?:[ \t]*(?:/[A-Z]{2,6}|n[º°o.]?s?|núm(?:ero|\.)?|numero|sob[ \t]o[ \t]n[º°.o]|do|da|de|é"
    r"|do\(a\)))*\.?[ \t]*[º°]?[ \t]*"
    r"(?:[:=#\-–]|\|)?[ \t]*\n?[ \t]*[\"'(]?[ \t]*"
)

CONTACT: tuple[Pattern, ...] = (
    shaped(
        "br_phone",
        "PHONE_NUMBER",
        r"(?<![\w.\-/])(?:\+?55[ \-]?)?(?:\(0?\d{2}\)|0?\d{2})[ \-]?(?:9[ \-.]?)?\d{4}[\- .]\d{4}("
        r"?:[ ]?(?:ramal|r\.)[ ]?\d{2,5})?(?![\w\-/])(?!\.\d)",
        score=0.65,
        lead="digit",
        digits=10,
    ),
    shaped(
        "br_phone_free",
        "PHONE_NUMBER",
        r"(?<![\w.\-/])(?:0[38]00[ \-]\d{3}[ \-]?\d{4}|9\d{4}-\d{4}|(?:3\d{3}"
        r"|4\d{3})-\d{4})(?![\w\-/])(?!\.\d)",
        score=0.5,
        lead="digit",
        digits=8,
    ),
    labelled(
        "pt_phone",
        "PHONE_NUMBER",
        "telefone, telefones, tel, tel., fone, fones, celular, cel, cel., whatsapp, zap, fax,"
        " ramal, contato, telemóvel, tlm, ligar para, ligue, recado, fixo, comercial,"
        " residencial, móvel",
        value=r"(?P<v>(?=(?:[ ().\-/]{0,3}\d){4,15}(?!\d))\+?\(?\d[\d ().\-/]{2,20}\d)(?![\w\-/])",
        separator=(
            r"(?:[ \t]*\([^)\d\n]{1,20}\))?\.?[ \t]*(?:n[º°.o]{1,2}|para|no"
            r"|é)?[ \t]*[:#=]?[ \t]*\n?[ \t]*"
        ),
        score=0.75,
    ),
)

_WAY = (
    r"Rua|R\.|Avenida|Av\.?|Travessa|Tv\.|Trav\.|Alameda|Al\.|Praça|Pça\.?|Pc\.|Rodovia|Rod\."
    r"|Estrada|Estr\.|Largo|Viela|Beco"
    r"|Ladeira|Quadra|Qd\.|Setor|Conjunto|Cj\.|Condomínio|Cond\.|Sítio|Fazenda|Loteamento|Parque"
    r"|Jardim|Vila|Via|Viaduto|Calçada|Rotunda|Urbanização|Lugar"
)
_CAP = r"[A-ZÀ-Ý0-9][\wÀ-ÿ'’.\-]*"
PLACES: tuple[Pattern, ...] = (
    shaped(
        "pt_street",
        "LOCATION",
        rf"(?<!\w)(?:{_WAY})[ ](?:(?:de|da|do|das|dos|e)[ ])?{_CAP}(?:[ ](?:(?:de|da|do|das|dos"
        rf"|e)[ ])?{_CAP}){{0,5}}"
        r"(?:,?[ ](?:n[º°.o]{0,2}\.?[ ]?|número[ ]|s/n|km[ ]?)?\d{1,5}[A-Z]?(?!\d|/\d|\.\d)"
        r"|,?[ ]s/n[º°]?)"
        r"(?:[ ,\-–]{1,3}(?:apto?\.?|apartamento|ap\.|bloco|bl\.|sala|casa|lote|lt\.|andar"
        r"|conj\.?|cj\.?|fundos|loja|quadra|qd\.?)[ ]?\w{1,6})*",
        score=0.7,
        lead="capital",
    ),
    shaped(
        "pt_street_plain",
        "LOCATION",
        r"(?<!\w)(?:Rua|Avenida|Av\.|Travessa|Alameda|Praça|Rodovia|Estrada|Largo"
        r"|Quadra)[ ](?:(?:de|da|do|das|dos)[ ])?[A-ZÀ-Ý][\wÀ-ÿ'’.\-]*(?:[ ](?:(?:de|da|do|das"
        rf"|dos|e)[ ])?{_CAP}){{0,5}}",
        score=0.5,
        lead="capital",
    ),
    shaped(
        "pt_district",
        "LOCATION",
        r"(?<!\w)(?i:bairro|distrito de|município de|comarca de|comarca do|comarca da|cidade de"
        r"|residente em|domiciliad[oa] em|natural de|nascid[oa] em|morador[a]? de|freguesia de"
        rf"|concelho de)[ :]{{1,2}}(?P<v>[A-ZÀ-Ý][\wÀ-ÿ'’\-]*(?:[ ](?:(?:de|da|do|das|dos"
        rf"|e)[ ])?[A-ZÀ-Ý][\wÀ-ÿ'’\-]*){{0,4}}(?:[/\-–][ ]?(?:{_UF})\b|[ ]\((?:{_UF})\))?)",
        score=0.55,
    ),
    shaped(
        "br_city_uf",
        "LOCATION",
        r"(?<![\w])[A-ZÀ-Ý][\wÀ-ÿ'’\-]+(?:[ ](?:(?:de|da|do|das|dos"
        rf"|e)[ ])?[A-ZÀ-Ý][\wÀ-ÿ'’\-]+){{0,3}}(?:[ ]?[/\-–][ ]?|[ ]\(|,[ ])(?:{_UF})\)?(?![\w])",
        score=0.5,
        lead="capital",
    ),
    shaped(
        "br_cep",
        "ZIP_CODE",
        r"(?<![\w.\-/])\d{2}\.?\d{3}-\d{3}(?![\w\-/])(?!\.\d)",
        score=0.65,
        lead="digit",
        digits=8,
    ),
    labelled(
        "br_cep_labelled",
        "ZIP_CODE",
        "cep, c.e.p., código postal, codigo postal",
        value=r"(?P<v>\d{2}\.?\d{3}-?\d{3}|\d{4}-\d{3}|\d{5,8})(?!\d)",
        separator=_SEP,
        score=0.85,
    ),
    shaped(
        "pt_postal",
        "ZIP_CODE",
        r"(?<![\w.\-/])\d{4}-\d{3}(?=[ ]+[A-ZÀ-Ý])",
        score=0.6,
        lead="digit",
        digits=7,
    ),
    labelled(
        "pt_address_labelled",
        "LOCATION",
        "endereço, endereco, end, end., logradouro, bairro, cidade, município, estado, uf,"
        " naturalidade, residência, residente, local de nascimento, domicílio, morada,"
        " localidade, comarca",
        value=(
            r"(?P<v>[A-ZÀ-Ý0-9][^\n|;:]{1,90}?)(?=[ \t]*(?:$|\n|\||;|[ \t]{3,}|\.[ \n]|(?:Tel"
            r"|Telefone|Fone|CEP|CPF|RG|Bairro|Cidade|Município|UF|Estado|E-?mail|Celular"
            r"|Data)\b))"
        ),
        separator=r"[ \t]*(?:\([^)\n]{1,14}\))?[ \t]*[:=][ \t]*\n?[ \t]*",
        score=0.6,
    ),
)

DATES: tuple[Pattern, ...] = (
    *month_dates("pt", _MONTHS, link="de|do|/", ordinal="º|°|o", month_first=False),
    shaped(
        "pt_year",
        "DATE_TIME",
        r"(?<!\w)(?i:em|de|desde|até|ano|anos|ano de|entre|e|a|início de|final de|meados de"
        r"|exercício de|exercício|dezembro/|janeiro/)[ ]?(?P<v>(?:19[3-9]|20[0-4])\d)(?![\w/]"
        r"|\.\d|,\d)",
        score=0.45,
    ),
    labelled(
        "pt_date_labelled",
        "DATE_TIME",
        "nascimento, data de nascimento, data nasc, dn, d.n., nascido em, nascida em, nasc,"
        " nasc., data, admissão, internação, alta, óbito, validade, emissão, data de emissão,"
        " expedição, vencimento",
        value=r"(?P<v>\d{1,4}[ ]?[/.\-][ ]?\d{1,2}(?:[ ]?[/.\-][ ]?\d{1,4})?)(?![\w/\-])",
        separator=r"[ \t]*(?:[:=#|]|em\b|é\b|de\b)?[ \t]*\n?[ \t]*",
        score=0.75,
    ),
)

AGES: tuple[Pattern, ...] = (
    anchored(
        "pt_age",
        "AGE",
        "anos, meses, dias",
        r"(?<![\w.\-/,])(?P<v>\d{1,3})[ \t]*(?:\([^)\n]{3,30}\)[ ]?)?(?:anos?|meses"
        r"|dias)[ ](?:de (?:idade|vida)|completos)",
        score=0.75,
        before=36,
    ),
    shaped(
        "pt_age_person",
        "AGE",
        r"(?i)(?<!\w)(?:paciente|homem|mulher|menin[oa]|senhor[a]?|masculin[oa]|feminin[oa]"
        r"|idos[oa]|jovem|criança|rn|sexo \w+|brasileir[oa]|solteir[oa]|casad[oa]|viúv[oa]"
        r"|aposentad[oa]|com|de|tem|tinha|possui|aos)(?:,|[ ]de"
        r"|[ ]com)?[ ](?P<v>\d{1,3})(?=[ ]?(?:anos|a\b)(?![ ](?:de (?:experiência|contribuição"
        r"|serviço|reclusão|prisão|detenção|uso|profissão|casad|evolução|história)|atrás|após"
        r"|depois|antes)))",
        score=0.5,
    ),
    labelled(
        "pt_age_labelled",
        "AGE",
        "idade, idad",
        value=r"(?P<v>\d{1,3})(?!\d)",
        separator=r"[ \t]*(?:[:=|]|de\b|é\b)?[ \t]*",
        score=0.75,
    ),
)

_ORG = (
    r"Hospital|Clínica|Clinica|Maternidade|Santa Casa|UPA|UBS|Posto de Saúde|Unidade Básica"
    r"|Laboratório|Instituto|Universidade|Faculdade"
    r"|Escola|Colégio|Banco|Tribunal|Ministério|Secretaria|Prefeitura|Câmara|Assembleia"
    r"|Defensoria|Procuradoria|Delegacia|Vara|Turma"
    r"|Fundação|Associação|Sindicato|Cooperativa|Igreja|Companhia|Empresa|Conselho|Departamento"
    r"|Superintendência|Receita|Polícia|Comissão|Corregedoria|Supremo|Superior|Juizado|Auditoria"
)
ORGANIZATIONS: tuple[Pattern, ...] = (
    shaped(
        "pt_org",
        "ORGANIZATION",
        rf"(?<!\w)(?:\d{{1,3}}[ªº°a][ ])?(?:{_ORG})(?:[ ](?:(?:de|da|do|das|dos|e|para|em|a"
        rf"|o)[ ]){{0,2}}[A-ZÀ-Ý][\wÀ-ÿ'’.\-]*){{1,7}}",
        score=0.45,
    ),
    shaped(
        "pt_org_tail",
        "ORGANIZATION",
        r"(?<!\w)(?:[A-ZÀ-Ý][\wÀ-ÿ&'’.\-]*[ ](?:(?:de|da|do|das|dos|e|&)[ ])?){1,6}(?:LTDA|Ltda"
        r"|S\.?/?A\.?|S/A|EIRELI|ME|EPP|MEI|S\.A|Lda|SA)(?!\w)\.?",
        score=0.5,
        lead="capital",
    ),
)

PATTERNS: tuple[Pattern, ...] = CONTACT + PLACES + DATES + AGES + ORGANIZATIONS
