"""Portuguese patterns: the identifiers of Brazil (LGPD) and Portugal, courts, clinics, addresses."""

from __future__ import annotations

import re

from appliance.redact.detect import checksums
from appliance.redact.detect.patterns import WEAK_VALUE, Pattern, anchored, labelled, shaped
from appliance.redact.detect.patterns_common import month_dates

_MONTHS = (
    "janeiro|fevereiro|março|marco|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro"
    "|jan|fev|mar|abr|mai|jun|jul|ago|set|out|nov|dez"
)
_UF = "AC|AL|AP|AM|BA|CE|DF|ES|GO|MA|MT|MS|MG|PA|PB|PR|PE|PI|RJ|RN|RS|RO|RR|SC|SP|SE|TO"
_SEP = (
    r"(?:[ \t]*(?:/[A-Z]{2,6}|n[º°o.]?s?|núm(?:ero|\.)?|numero|sob[ \t]o[ \t]n[º°.o]|do|da|de|é|do\(a\)))*\.?[ \t]*[º°]?[ \t]*"
    r"(?:[:=#\-–]|\|)?[ \t]*\n?[ \t]*[\"'(]?[ \t]*"
)

IDENTIFIERS: tuple[Pattern, ...] = (
    shaped(
        "br_cpf",
        "BR_CPF",
        r"(?<![\w.\-/])\d{3}[.]\d{3}[.]\d{3}[\-/. ]\d{2}(?![\w\-/])",
        score=0.75,
        check=checksums.cpf,
        lead="digit",
        digits=11,
    ),
    shaped(
        "br_cpf_bare",
        "BR_CPF",
        r"(?<![\w.\-/])\d{9}-?\d{2}(?![\w\-/])",
        score=0.5,
        check=checksums.cpf,
        check_required=True,
        lead="digit",
        digits=11,
    ),
    shaped(
        "br_cpf_masked",
        "BR_CPF",
        r"(?<![\w.])(?:[*Xx]{3}|\d{3})\.(?:[*Xx]{3}|\d{3})\.(?:[*Xx]{3}|\d{3})-(?:[*Xx]{2}|\d{2})(?!\w)",
        score=0.7,
    ),
    labelled(
        "br_cpf_labelled",
        "BR_CPF",
        "cpf, cpf/mf, cpf mf, c.p.f., cic, cadastro de pessoas físicas, cadastro de pessoa física",
        value=r"(?P<v>\d{3}[. ]?\d{3}[. ]?\d{3}[\-/. ]?\d{2}|\d{6,11})(?!\d)",
        separator=_SEP,
        check=checksums.cpf,
    ),
    shaped(
        "br_cnpj",
        "BR_CNPJ",
        r"(?<![\w.\-/])[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-\d{2}(?![\w\-/])",
        score=0.8,
        check=checksums.cnpj,
    ),
    shaped(
        "br_cnpj_bare",
        "BR_CNPJ",
        r"(?<![\w.\-/])(?=[0-9A-Z]*\d{2})[0-9A-Z]{12}-?\d{2}(?![\w\-/])",
        score=0.5,
        check=checksums.cnpj,
        check_required=True,
        lead="long",
    ),
    labelled(
        "br_cnpj_labelled",
        "BR_CNPJ",
        "cnpj, cnpj/mf, cnpj mf, c.n.p.j., cgc, cgc/mf",
        value=r"(?P<v>(?-i:[0-9A-Z]{2}\.?[0-9A-Z]{3}\.?[0-9A-Z]{3}/?[0-9A-Z]{4}-?\d{2}))(?!\w)",
        separator=_SEP,
        check=checksums.cnpj,
    ),
    labelled(
        "br_rg",
        "BR_RG",
        "rg, r.g., identidade, carteira de identidade, cédula de identidade, registro geral, documento de identidade, ci, rne, rnm, cin",
        value=r"(?P<v>(?:[A-Z]{1,2}-?)?\d{1,2}\.?\d{3}\.?\d{3}(?:-?[\dXx])?|(?:[A-Z]{1,2}-?)?\d{5,11}(?:-[\dXx])?)(?![\w])",
        separator=_SEP,
        score=0.8,
    ),
    shaped(
        "br_rg_shape",
        "BR_RG",
        r"(?<![\w.\-/])\d{1,2}\.\d{3}\.\d{3}-[\dXx](?![\w\-/])",
        score=0.65,
        lead="digit",
        digits=7,
    ),
    labelled(
        "br_cnh",
        "BR_CNH",
        "cnh, carteira nacional de habilitação, carteira de habilitação, habilitação, carteira de motorista, registro cnh, registro da cnh",
        value=r"(?P<v>\d{9,11})(?!\d)",
        separator=_SEP,
        check=checksums.cnh,
    ),
    labelled(
        "br_titulo",
        "BR_TITULO_ELEITOR",
        "título de eleitor, titulo de eleitor, título eleitoral, titulo eleitoral, título eleitor, inscrição eleitoral, título",
        value=r"(?P<v>\d{4} ?\d{4} ?\d{4}(?: ?\d{1,4})?)(?!\d)",
        separator=_SEP,
        check=checksums.titulo,
    ),
    shaped(
        "br_titulo_shape",
        "BR_TITULO_ELEITOR",
        r"(?<![\w.\-/])\d{4} \d{4} \d{4}(?![\w\-/]| \d)",
        score=0.45,
        check=checksums.titulo,
        check_required=True,
        lead="digit",
        digits=12,
    ),
    shaped(
        "br_pis",
        "BR_PIS",
        r"(?<![\w.\-/])\d{3}\.\d{5}\.\d{2}[\-/.]\d(?![\w\-/])",
        score=0.75,
        check=checksums.pis,
        lead="digit",
        digits=11,
    ),
    labelled(
        "br_pis_labelled",
        "BR_PIS",
        "pis, pasep, pis/pasep, nit, nis, pis/nit",
        value=r"(?P<v>\d{3}\.?\d{5}\.?\d{2}[\-/.]?\d)(?!\d)",
        separator=_SEP,
        check=checksums.pis,
    ),
    shaped(
        "br_cns",
        "BR_CNS",
        r"(?<![\w.\-/])[12789]\d{2}[ .]?\d{4}[ .]?\d{4}[ .]?\d{4}(?![\w\-/])",
        score=0.6,
        check=checksums.cns,
        check_required=True,
        lead="digit",
        digits=15,
    ),
    labelled(
        "br_cns_labelled",
        "BR_CNS",
        "cns, cartão sus, cartao sus, cartão nacional de saúde, cartão do sus, carteira sus, sus",
        value=r"(?P<v>\d{3}[ .]?\d{4}[ .]?\d{4}[ .]?\d{4})(?!\d)",
        separator=_SEP,
        check=checksums.cns,
    ),
    shaped(
        "br_processo",
        "BR_PROCESSO",
        r"(?<![\w.])\d{5,7}-\s?\d{2}\.\s?\d{4}\.\s?\d\.\s?\d{2}\.\s?\d{4}(?:/\d{1,5})?(?!\w)",
        score=0.8,
        check=checksums.processo,
        lead="digit",
        digits=14,
    ),
    labelled(
        "br_processo_labelled",
        "BR_PROCESSO",
        "processo, processos, proc, autos, protocolo, inquérito, inquérito policial, ação penal, execução, boletim de ocorrência, bo, ocorrência, b.o.",
        value=r"(?P<v>(?=(?:[\w./\-]*\d){5})\d[\d./\-]{4,28}\d(?:[A-Z]{2,4})?)(?!\d)",
        separator=_SEP,
        score=0.75,
    ),
    labelled(
        "br_oab",
        "LICENSE_NUMBER",
        "oab, crm, coren, cro, crea, crp, crf, crefito, crc, creci, crmv, crn, cau",
        value=r"(?P<v>(?:[A-Z]{2}[ \-/:.]{0,3})?(?:n[º°.o]{0,2}[ \t]*)?\d{1,3}\.?\d{2,3}(?:[\-/]?[A-Z]{1,2}\b)?|\d{3,7})(?!\d)",
        separator=r"[ \t]*[/\-–:]?[ \t]*(?:n[º°.o]{0,2})?[ \t]*",
        score=0.75,
    ),
    labelled(
        "br_pix",
        "BR_PIX_KEY",
        "chave pix, pix, chave aleatória, chave",
        value=r"(?P<v>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\+?\d[\d.\-/() ]{8,18}\d|[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+)",
        separator=r"(?:[ \t]*\([^)\n]{1,20}\))?[ \t]*(?:[:=#\-]|é|do|da|\b(?:cpf|celular|cnpj|e-?mail|telefone|aleatória)\b|[ \t])*",
        score=0.8,
    ),
    labelled(
        "pt_nif",
        "PT_NIF",
        "nif, contribuinte, n.º de contribuinte, nipc, número de identificação fiscal, número de contribuinte",
        value=r"(?P<v>\d{3} ?\d{3} ?\d{3})(?!\d)",
        separator=_SEP,
        check=checksums.nif_pt,
    ),
    labelled(
        "pt_documents",
        "ID_NUMBER",
        "cartão de cidadão, cartao de cidadao, bilhete de identidade, niss, número de utente, utente, n.º de utente, ssn",
        value=r"(?P<v>\d{8,12}(?: ?\d ?[A-Z]{2}\d)?)(?!\w)",
        separator=_SEP,
        score=0.8,
    ),
    labelled(
        "pt_health",
        "MEDICAL_RECORD_NUMBER",
        "prontuário, prontuario, registro do paciente, registro hospitalar, rh, atendimento, internação, nº de internação, leito, exame, amostra, laudo, nº do laudo, guia, n.º do processo clínico, processo clínico",
        value=WEAK_VALUE,
        separator=_SEP,
        score=0.75,
    ),
    labelled(
        "pt_account",
        "ACCOUNT_NUMBER",
        "conta, conta corrente, conta-corrente, c/c, cc, conta poupança, poupança, agência, agencia, ag, ag., contrato, apólice, apolice, cartão, cartao, cartão de crédito, fatura, boleto, nota fiscal, nf, nf-e, carteirinha, plano de saúde, convênio, carteira do convênio, matrícula do plano, cliente, código do cliente, benefício, nb, número do benefício, sinistro, pedido, rastreio, código de rastreamento",
        value=r"(?P<v>(?=(?:[\w.\-/]*\d){3})[A-Z0-9][\w.\-/]{2,28}\w)(?![/.,]\d)",
        separator=_SEP,
        score=0.7,
    ),
    labelled(
        "pt_registration",
        "ID_NUMBER",
        "matrícula, matricula, registro, reg, inscrição, inscricao, inscrição estadual, inscrição municipal, nire, ctps, carteira de trabalho, passaporte, certidão, certificado, siape, rgm, ra, código verificador, codigo verificador, código de verificação, código, protocolo nº, senha do processo, ie, cadastro, certificado de reservista, reservista, livro, folha, crachá, funcional, identidade funcional",
        value=r"(?P<v>(?=(?:[\w.\-/]*\d){4})[A-Z0-9][\w.\-/]{2,38}\w)(?![/.,]\d)",
        separator=_SEP,
        score=0.65,
    ),
    labelled(
        "pt_vehicle",
        "VEHICLE_ID",
        "placa, placas, matrícula do veículo, renavam, chassi, veículo",
        value=r"(?P<v>[A-Z]{3}[ \-]?\d[A-Z0-9]\d{2}|\d{9,11}|[A-HJ-NPR-Z0-9]{17}|\d{2}-[A-Z]{2}-\d{2}|[A-Z]{2}-\d{2}-[A-Z]{2})(?!\w)",
        separator=_SEP,
        score=0.8,
    ),
    shaped(
        "br_plate",
        "VEHICLE_ID",
        r"(?<![\w\-])[A-Z]{3}-?\d[A-J]\d{2}(?![\w\-])|(?<![\w\-])[A-Z]{3}-\d{4}(?![\w\-])",
        score=0.5,
    ),
    labelled(
        "pt_secret",
        "PASSWORD",
        "senha, palavra-passe, pin, token, código de acesso",
        value=r"(?P<v>(?=[^\s\"']*\d)[^\s\"',;]{3,64}[^\s\"',;.)])",
        separator=r"[ \t]*(?:[:=]|é)[ \t]*[\"']?",
        score=0.7,
    ),
    labelled(
        "pt_username",
        "USERNAME",
        "usuário, usuario, login, instagram, twitter, facebook, @",
        value=r"(?P<v>[\w@][\w.@\-]{2,40}\w)",
        separator=r"[ \t]*[:=][ \t]*[\"']?",
        score=0.6,
    ),
)

CONTACT: tuple[Pattern, ...] = (
    shaped(
        "br_phone",
        "PHONE_NUMBER",
        r"(?<![\w.\-/])(?:\+?55[ \-]?)?(?:\(0?\d{2}\)|0?\d{2})[ \-]?(?:9[ \-.]?)?\d{4}[\- .]\d{4}(?:[ ]?(?:ramal|r\.)[ ]?\d{2,5})?(?![\w\-/])(?!\.\d)",
        score=0.65,
        lead="digit",
        digits=10,
    ),
    shaped(
        "br_phone_free",
        "PHONE_NUMBER",
        r"(?<![\w.\-/])(?:0[38]00[ \-]\d{3}[ \-]?\d{4}|9\d{4}-\d{4}|(?:3\d{3}|4\d{3})-\d{4})(?![\w\-/])(?!\.\d)",
        score=0.5,
        lead="digit",
        digits=8,
    ),
    labelled(
        "pt_phone",
        "PHONE_NUMBER",
        "telefone, telefones, tel, tel., fone, fones, celular, cel, cel., whatsapp, zap, fax, ramal, contato, telemóvel, tlm, ligar para, ligue, recado, fixo, comercial, residencial, móvel",
        value=r"(?P<v>(?=(?:[ ().\-/]{0,3}\d){4,15}(?!\d))\+?\(?\d[\d ().\-/]{2,20}\d)(?![\w\-/])",
        separator=r"(?:[ \t]*\([^)\d\n]{1,20}\))?\.?[ \t]*(?:n[º°.o]{1,2}|para|no|é)?[ \t]*[:#=]?[ \t]*\n?[ \t]*",
        score=0.75,
    ),
)

_WAY = (
    r"Rua|R\.|Avenida|Av\.?|Travessa|Tv\.|Trav\.|Alameda|Al\.|Praça|Pça\.?|Pc\.|Rodovia|Rod\.|Estrada|Estr\.|Largo|Viela|Beco"
    r"|Ladeira|Quadra|Qd\.|Setor|Conjunto|Cj\.|Condomínio|Cond\.|Sítio|Fazenda|Loteamento|Parque|Jardim|Vila|Via|Viaduto|Calçada|Rotunda|Urbanização|Lugar"
)
_CAP = r"[A-ZÀ-Ý0-9][\wÀ-ÿ'’.\-]*"
PLACES: tuple[Pattern, ...] = (
    shaped(
        "pt_street",
        "LOCATION",
        rf"(?<!\w)(?:{_WAY})[ ](?:(?:de|da|do|das|dos|e)[ ])?{_CAP}(?:[ ](?:(?:de|da|do|das|dos|e)[ ])?{_CAP}){{0,5}}"
        r"(?:,?[ ](?:n[º°.o]{0,2}\.?[ ]?|número[ ]|s/n|km[ ]?)?\d{1,5}[A-Z]?(?!\d|/\d|\.\d)|,?[ ]s/n[º°]?)"
        r"(?:[ ,\-–]{1,3}(?:apto?\.?|apartamento|ap\.|bloco|bl\.|sala|casa|lote|lt\.|andar|conj\.?|cj\.?|fundos|loja|quadra|qd\.?)[ ]?\w{1,6})*",
        score=0.7,
        lead="capital",
    ),
    shaped(
        "pt_street_plain",
        "LOCATION",
        rf"(?<!\w)(?:Rua|Avenida|Av\.|Travessa|Alameda|Praça|Rodovia|Estrada|Largo|Quadra)[ ](?:(?:de|da|do|das|dos)[ ])?[A-ZÀ-Ý][\wÀ-ÿ'’.\-]*(?:[ ](?:(?:de|da|do|das|dos|e)[ ])?{_CAP}){{0,5}}",
        score=0.5,
        lead="capital",
    ),
    shaped(
        "pt_district",
        "LOCATION",
        rf"(?<!\w)(?i:bairro|distrito de|município de|comarca de|comarca do|comarca da|cidade de|residente em|domiciliad[oa] em|natural de|nascid[oa] em|morador[a]? de|freguesia de|concelho de)[ :]{{1,2}}(?P<v>[A-ZÀ-Ý][\wÀ-ÿ'’\-]*(?:[ ](?:(?:de|da|do|das|dos|e)[ ])?[A-ZÀ-Ý][\wÀ-ÿ'’\-]*){{0,4}}(?:[/\-–][ ]?(?:{_UF})\b|[ ]\((?:{_UF})\))?)",
        score=0.55,
    ),
    shaped(
        "br_city_uf",
        "LOCATION",
        rf"(?<![\w])[A-ZÀ-Ý][\wÀ-ÿ'’\-]+(?:[ ](?:(?:de|da|do|das|dos|e)[ ])?[A-ZÀ-Ý][\wÀ-ÿ'’\-]+){{0,3}}(?:[ ]?[/\-–][ ]?|[ ]\(|,[ ])(?:{_UF})\)?(?![\w])",
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
        "endereço, endereco, end, end., logradouro, bairro, cidade, município, estado, uf, naturalidade, residência, residente, local de nascimento, domicílio, morada, localidade, comarca",
        value=r"(?P<v>[A-ZÀ-Ý0-9][^\n|;:]{1,90}?)(?=[ \t]*(?:$|\n|\||;|[ \t]{3,}|\.[ \n]|(?:Tel|Telefone|Fone|CEP|CPF|RG|Bairro|Cidade|Município|UF|Estado|E-?mail|Celular|Data)\b))",
        separator=r"[ \t]*(?:\([^)\n]{1,14}\))?[ \t]*[:=][ \t]*\n?[ \t]*",
        score=0.6,
    ),
)

DATES: tuple[Pattern, ...] = (
    *month_dates("pt", _MONTHS, link="de|do|/", ordinal="º|°|o", month_first=False),
    shaped(
        "pt_year",
        "DATE_TIME",
        r"(?<!\w)(?i:em|de|desde|até|ano|anos|ano de|entre|e|a|início de|final de|meados de|exercício de|exercício|dezembro/|janeiro/)[ ]?(?P<v>(?:19[3-9]|20[0-4])\d)(?![\w/]|\.\d|,\d)",
        score=0.45,
    ),
    labelled(
        "pt_date_labelled",
        "DATE_TIME",
        "nascimento, data de nascimento, data nasc, dn, d.n., nascido em, nascida em, nasc, nasc., data, admissão, internação, alta, óbito, validade, emissão, data de emissão, expedição, vencimento",
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
        r"(?<![\w.\-/,])(?P<v>\d{1,3})[ \t]*(?:\([^)\n]{3,30}\)[ ]?)?(?:anos?|meses|dias)[ ](?:de (?:idade|vida)|completos)",
        score=0.75,
        before=36,
    ),
    shaped(
        "pt_age_person",
        "AGE",
        r"(?i)(?<!\w)(?:paciente|homem|mulher|menin[oa]|senhor[a]?|masculin[oa]|feminin[oa]|idos[oa]|jovem|criança|rn|sexo \w+|brasileir[oa]|solteir[oa]|casad[oa]|viúv[oa]|aposentad[oa]|com|de|tem|tinha|possui|aos)(?:,|[ ]de|[ ]com)?[ ](?P<v>\d{1,3})(?=[ ]?(?:anos|a\b)(?![ ](?:de (?:experiência|contribuição|serviço|reclusão|prisão|detenção|uso|profissão|casad|evolução|história)|atrás|após|depois|antes)))",
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
    r"Hospital|Clínica|Clinica|Maternidade|Santa Casa|UPA|UBS|Posto de Saúde|Unidade Básica|Laboratório|Instituto|Universidade|Faculdade"
    r"|Escola|Colégio|Banco|Tribunal|Ministério|Secretaria|Prefeitura|Câmara|Assembleia|Defensoria|Procuradoria|Delegacia|Vara|Turma"
    r"|Fundação|Associação|Sindicato|Cooperativa|Igreja|Companhia|Empresa|Conselho|Departamento|Superintendência|Receita|Polícia|Comissão|Corregedoria|Supremo|Superior|Juizado|Auditoria"
)
ORGANIZATIONS: tuple[Pattern, ...] = (
    shaped(
        "pt_org",
        "ORGANIZATION",
        rf"(?<!\w)(?:\d{{1,3}}[ªº°a][ ])?(?:{_ORG})(?:[ ](?:(?:de|da|do|das|dos|e|para|em|a|o)[ ]){{0,2}}[A-ZÀ-Ý][\wÀ-ÿ'’.\-]*){{1,7}}",
        score=0.45,
    ),
    shaped(
        "pt_org_tail",
        "ORGANIZATION",
        r"(?<!\w)(?:[A-ZÀ-Ý][\wÀ-ÿ&'’.\-]*[ ](?:(?:de|da|do|das|dos|e|&)[ ])?){1,6}(?:LTDA|Ltda|S\.?/?A\.?|S/A|EIRELI|ME|EPP|MEI|S\.A|Lda|SA)(?!\w)\.?",
        score=0.5,
        lead="capital",
    ),
)

PATTERNS: tuple[Pattern, ...] = IDENTIFIERS + CONTACT + PLACES + DATES + AGES + ORGANIZATIONS
FLAGS = re.IGNORECASE
