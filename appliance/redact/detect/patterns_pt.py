"""Portuguese patterns: the identifiers of Brazil (LGPD) and Portugal."""

from __future__ import annotations

from appliance.redact.detect import checksums, patterns_pt_text
from appliance.redact.detect.patterns import WEAK_VALUE, Pattern, labelled, shaped

_SEP = (
    r"(?:[ \t]*(?:/[A-Z]{2,6}|n[º°o.]?s?|núm(?:ero|\.)?|numero|sob[ \t]o[ \t]n[º°.o]|do|da|de|é"
    r"|do\(a\)))*\.?[ \t]*[º°]?[ \t]*"
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
        r"(?<![\w.])(?:[*Xx]{3}|\d{3})\.(?:[*Xx]{3}|\d{3})\.(?:[*Xx]{3}|\d{3})-(?:[*Xx]{2}"
        r"|\d{2})(?!\w)",
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
        "rg, r.g., identidade, carteira de identidade, cédula de identidade, registro geral,"
        " documento de identidade, ci, rne, rnm, cin",
        value=(
            r"(?P<v>(?:[A-Z]{1,2}-?)?\d{1,2}\.?\d{3}\.?\d{3}(?:-?[\dXx])?"
            r"|(?:[A-Z]{1,2}-?)?\d{5,11}(?:-[\dXx])?)(?![\w])"
        ),
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
        "cnh, carteira nacional de habilitação, carteira de habilitação, habilitação,"
        " carteira de motorista, registro cnh, registro da cnh",
        value=r"(?P<v>\d{9,11})(?!\d)",
        separator=_SEP,
        check=checksums.cnh,
    ),
    labelled(
        "br_titulo",
        "BR_TITULO_ELEITOR",
        "título de eleitor, titulo de eleitor, título eleitoral, titulo eleitoral,"
        " título eleitor, inscrição eleitoral, título",
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
        "processo, processos, proc, autos, protocolo, inquérito, inquérito policial, ação penal,"
        " execução, boletim de ocorrência, bo, ocorrência, b.o.",
        value=r"(?P<v>(?=(?:[\w./\-]*\d){5})\d[\d./\-]{4,28}\d(?:[A-Z]{2,4})?)(?!\d)",
        separator=_SEP,
        score=0.75,
    ),
    labelled(
        "br_oab",
        "LICENSE_NUMBER",
        "oab, crm, coren, cro, crea, crp, crf, crefito, crc, creci, crmv, crn, cau",
        value=(
            r"(?P<v>(?:[A-Z]{2}[ \-/:.]{0,3})?(?:n[º°.o]{0,2}[ \t]*)?\d{1,3}\.?\d{2,3}(?:[\-/]?[A-"
            r"Z]{1,2}\b)?|\d{3,7})(?!\d)"
        ),
        separator=r"[ \t]*[/\-–:]?[ \t]*(?:n[º°.o]{0,2})?[ \t]*",
        score=0.75,
    ),
    labelled(
        "br_pix",
        "BR_PIX_KEY",
        "chave pix, pix, chave aleatória, chave",
        value=(
            r"(?P<v>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\+?\d[\d.\-/() ]{8,18}\d"
            r"|[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+)"
        ),
        separator=(
            r"(?:[ \t]*\([^)\n]{1,20}\))?[ \t]*(?:[:=#\-]|é|do|da|\b(?:cpf|celular|cnpj|e-?mail"
            r"|telefone|aleatória)\b|[ \t])*"
        ),
        score=0.8,
    ),
    labelled(
        "pt_nif",
        "PT_NIF",
        "nif, contribuinte, n.º de contribuinte, nipc, número de identificação fiscal,"
        " número de contribuinte",
        value=r"(?P<v>\d{3} ?\d{3} ?\d{3})(?!\d)",
        separator=_SEP,
        check=checksums.nif_pt,
    ),
    labelled(
        "pt_documents",
        "ID_NUMBER",
        "cartão de cidadão, cartao de cidadao, bilhete de identidade, niss, número de utente,"
        " utente, n.º de utente, ssn",
        value=r"(?P<v>\d{8,12}(?: ?\d ?[A-Z]{2}\d)?)(?!\w)",
        separator=_SEP,
        score=0.8,
    ),
    labelled(
        "pt_health",
        "MEDICAL_RECORD_NUMBER",
        "prontuário, prontuario, registro do paciente, registro hospitalar, rh, atendimento,"
        " internação, nº de internação, leito, exame, amostra, laudo, nº do laudo, guia,"
        " n.º do processo clínico, processo clínico",
        value=WEAK_VALUE,
        separator=_SEP,
        score=0.75,
    ),
    labelled(
        "pt_account",
        "ACCOUNT_NUMBER",
        "conta, conta corrente, conta-corrente, c/c, cc, conta poupança, poupança, agência,"
        " agencia, ag, ag., contrato, apólice, apolice, cartão, cartao, cartão de crédito,"
        " fatura, boleto, nota fiscal, nf, nf-e, carteirinha, plano de saúde, convênio,"
        " carteira do convênio, matrícula do plano, cliente, código do cliente, benefício, nb,"
        " número do benefício, sinistro, pedido, rastreio, código de rastreamento",
        value=r"(?P<v>(?=(?:[\w.\-/]*\d){3})[A-Z0-9][\w.\-/]{2,28}\w)(?![/.,]\d)",
        separator=_SEP,
        score=0.7,
    ),
    labelled(
        "pt_registration",
        "ID_NUMBER",
        "matrícula, matricula, registro, reg, inscrição, inscricao, inscrição estadual,"
        " inscrição municipal, nire, ctps, carteira de trabalho, passaporte, certidão,"
        " certificado, siape, rgm, ra, código verificador, codigo verificador,"
        " código de verificação, código, protocolo nº, senha do processo, ie, cadastro,"
        " certificado de reservista, reservista, livro, folha, crachá, funcional,"
        " identidade funcional",
        value=r"(?P<v>(?=(?:[\w.\-/]*\d){4})[A-Z0-9][\w.\-/]{2,38}\w)(?![/.,]\d)",
        separator=_SEP,
        score=0.65,
    ),
    labelled(
        "pt_vehicle",
        "VEHICLE_ID",
        "placa, placas, matrícula do veículo, renavam, chassi, veículo",
        value=(
            r"(?P<v>[A-Z]{3}[ \-]?\d[A-Z0-9]\d{2}|\d{9,11}|[A-HJ-NPR-Z0-9]{17}"
            r"|\d{2}-[A-Z]{2}-\d{2}|[A-Z]{2}-\d{2}-[A-Z]{2})(?!\w)"
        ),
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

PATTERNS: tuple[Pattern, ...] = IDENTIFIERS + patterns_pt_text.PATTERNS
