"""Invented tables with headers in several languages, seeded; COARSE says what each column is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from appliance.redact.keyed import Draws
from appliance.redact.persona import name_pools

ROWS = 200
_ICD = ["I10", "E11.9", "J45.909", "F32.1", "M54.5", "K21.9", "N39.0", "Z00.0", "G43.9", "R51"]
_ROADS = {
    "en": ["Oak Street", "Mill Lane", "Station Road", "Elm Avenue", "Birch Court"],
    "pt": ["Rua das Flores", "Avenida Brasil", "Travessa do Sol", "Rua Sete de Setembro"],
    "es": ["Calle Mayor", "Avenida de la Paz", "Plaza del Sol", "Calle Real"],
    "de": ["Hauptstraße", "Bahnhofstr.", "Lindenweg", "Am Markt"],
}
_TOWNS = {
    "en": "Boston,Chicago,Houston,Denver,Seattle,Atlanta,Dallas,Miami,Phoenix,Portland,Tucson,Omaha",
    "pt": "São Paulo,Campinas,Santos,Curitiba,Recife,Salvador,Fortaleza,Natal,Manaus,Belém,Goiânia",
    "es": "Madrid,Sevilla,Valencia,Bilbao,Zaragoza,Málaga,Murcia,Granada,Toledo,Burgos,León",
    "de": "Berlin,Hamburg,München,Köln,Frankfurt,Stuttgart,Dortmund,Essen,Leipzig,Bremen,Bonn",
}


@dataclass(frozen=True, slots=True)
class Row:
    """What one row's cells are made of."""

    draws: Draws
    language: str
    born: date

    def first(self) -> str:
        pools = name_pools()
        return self.draws.choice(pools.female[self.language] + pools.male[self.language])

    def last(self) -> str:
        return self.draws.choice(name_pools().last[self.language])

    def name(self) -> str:
        return f"{self.first()} {self.last()}"

    def number(self, digits: int) -> str:
        return f"{1 + self.draws.below(9)}{self.draws.digits(digits - 1)}"

    def like(self, shape: str) -> str:
        return self.draws.like(shape)

    def day(self) -> date:
        return date(2020, 1, 1) + timedelta(days=self.draws.below(1500))

    def road(self) -> str:
        return self.draws.choice(_ROADS[self.language])

    def town(self) -> str:
        return self.draws.choice(_TOWNS[self.language].split(","))

    def icd(self) -> str:
        return self.draws.choice(_ICD)

    def one(self, words: str) -> str:
        return self.draws.choice(words.split(","))

    def age(self) -> str:
        return str(2026 - self.born.year)

    def amount(self) -> str:
        return f"{10 + self.draws.below(4000)}.{self.draws.digits(2)}"


Maker = Callable[[Row], str]
#: Header -> (what it is: coarse type, FREETEXT or None, how a cell is made).
Table = Mapping[str, tuple[str | None, Maker]]


def _cpf(r: Row) -> str:
    body = r.draws.digits(9)
    for weights in (range(10, 1, -1), range(11, 1, -1)):
        rest = sum(int(c) * w for c, w in zip(body, weights, strict=True)) % 11
        body += "0" if rest < 2 else str(11 - rest)
    return f"{body[:3]}.{body[3:6]}.{body[6:9]}-{body[9:]}"


def _cnpj(r: Row) -> str:
    body = r.draws.digits(8) + "0001"
    for weights in ((5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)):
        rest = sum(int(c) * w for c, w in zip(body, weights, strict=True)) % 11
        body += "0" if rest < 2 else str(11 - rest)
    return f"{body[:2]}.{body[2:5]}.{body[5:8]}/{body[8:12]}-{body[12:]}"


def _dni(r: Row) -> str:
    digits = r.draws.digits(8)
    return digits + "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23]


TABLES: dict[str, Table] = {
    "en": {
        "encounter_id": ("ID", lambda r: f"E{r.number(8)}"),
        "pt_name": ("PERSON", lambda r: f"{r.last().upper()}, {r.first()}"),
        "birth_dt": ("DATE", lambda r: r.born.strftime("%m/%d/%Y")),
        "age_yrs": ("AGE", Row.age),
        "gender": (None, lambda r: r.one("Male,Female")),
        "race": (None, lambda r: r.one("White,Black,Asian,Other")),
        "social": ("SSN", lambda r: f"{r.number(3)}-{r.number(2)}-{r.number(4)}"),
        "home_phone": ("PHONE", lambda r: f"({r.number(3)}) {r.number(3)}-{r.number(4)}"),
        "mail_addr": ("LOCATION", lambda r: f"{r.number(3)} {r.road()}"),
        "town": ("LOCATION", Row.town),
        "state": (None, lambda r: r.one("MA,IL,TX,CO,WA,GA,FL,AZ,OR,NE")),
        "postal": ("LOCATION", lambda r: r.draws.digits(5)),
        "policy_no": ("ID", lambda r: r.like("AAA99999999")),
        "attending": ("PERSON", lambda r: f"{r.name()}, MD"),
        "facility": ("ORG", lambda r: f"{r.one('Mercy,Lakeside,General')} Hospital"),
        "dx": (None, Row.icd),
        "cpt": (None, lambda r: r.one("99213,99214,80053,36415")),
        "sys_bp": (None, lambda r: str(90 + r.draws.below(90))),
        "weight_kg": (None, lambda r: f"{40 + r.draws.below(80)}.{r.draws.digits(1)}"),
        "total_chg": (None, lambda r: str(100 + r.draws.below(20000))),
        "ip": ("IP", lambda r: ".".join(str(r.draws.below(256)) for _ in range(4))),
        "email": ("EMAIL", lambda r: f"{r.last().lower()}{r.number(2)}@mail.test"),
        "last_seen": ("DATE", lambda r: f"{r.day().isoformat()}T10:30:00"),
        "drug": (None, lambda r: r.one("Lisinopril,Metformin,Atorvastatin")),
        "comments": (
            "FREETEXT",
            lambda r: f"Pt {r.last()} seen on {r.day():%m/%d/%Y}, {r.icd()} stable, back in 2 wks",
        ),
    },
    "pt": {
        "prontuario": ("ID", lambda r: r.number(7)),
        "nome": ("PERSON", Row.name),
        "nome_mae": ("PERSON", Row.name),
        "cpf": ("ID", _cpf),
        "rg": ("ID", lambda r: r.like("99.999.999-9")),
        "data_nascimento": ("DATE", lambda r: r.born.strftime("%d/%m/%Y")),
        "idade": ("AGE", Row.age),
        "sexo": (None, lambda r: r.one("M,F")),
        "telefone": ("PHONE", lambda r: f"({r.number(2)}) 9{r.number(4)}-{r.number(4)}"),
        "logradouro": ("LOCATION", lambda r: f"{r.road()}, {r.number(3)}"),
        "municipio": ("LOCATION", Row.town),
        "uf": (None, lambda r: r.one("SP,RJ,MG,BA,PR,RS,PE,CE")),
        "cep": ("LOCATION", lambda r: f"{r.number(5)}-{r.number(3)}"),
        "cnpj_hospital": ("ID", _cnpj),
        "cid10": (None, Row.icd),
        "valor": (None, lambda r: r.amount().replace(".", ",")),
        "glicemia": (None, lambda r: str(60 + r.draws.below(240))),
        "data_internacao": ("DATE", lambda r: r.day().strftime("%d/%m/%Y")),
        "medico": ("PERSON", lambda r: f"Dr. {r.name()}"),
        "estado_civil": (None, lambda r: r.one("solteiro,casado,viúvo")),
        "medicamento": (None, lambda r: r.one("Losartana 50 mg,Metformina 850 mg")),
        "processo": ("ID", lambda r: f"{r.number(7)}-{r.number(2)}.2019.8.26.{r.number(4)}"),
        "observacao": (
            "FREETEXT",
            lambda r: f"Paciente {r.first()} relata dor lombar há {r.number(1)} dias, retorno já",
        ),
    },
    "es": {
        "nhc": ("ID", lambda r: r.number(6)),
        "nombre": ("PERSON", Row.first),
        "apellidos": ("PERSON", lambda r: f"{r.last()} {r.last()}"),
        "dni": ("ID", _dni),
        "fecha_nacimiento": ("DATE", lambda r: r.born.strftime("%d/%m/%Y")),
        "edad": ("AGE", Row.age),
        "sexo": (None, lambda r: r.one("H,M")),
        "telefono": ("PHONE", lambda r: f"+34 6{r.number(2)} {r.number(3)} {r.number(3)}"),
        "direccion": ("LOCATION", lambda r: f"{r.road()} {r.number(2)}"),
        "poblacion": ("LOCATION", Row.town),
        "provincia": (None, lambda r: r.one("Madrid,Sevilla,Burgos")),
        "diagnostico": (None, lambda r: r.one("Neumonía,Hipertensión arterial,Diabetes")),
        "importe": (None, Row.amount),
        "observaciones": (
            "FREETEXT",
            lambda r: f"El paciente {r.first()} refiere cefalea desde hace {r.number(1)} días",
        ),
    },
    "de": {
        "Fallnummer": ("ID", lambda r: r.number(8)),
        "Vorname": ("PERSON", Row.first),
        "Nachname": ("PERSON", Row.last),
        "Geburtsdatum": ("DATE", lambda r: r.born.strftime("%d.%m.%Y")),
        "Geschlecht": (None, lambda r: r.one("m,w")),
        "Strasse": ("LOCATION", lambda r: f"{r.road()} {r.number(2)}"),
        "PLZ": ("LOCATION", lambda r: r.draws.digits(5)),
        "Ort": ("LOCATION", Row.town),
        "Telefon": ("PHONE", lambda r: f"0{r.number(3)} {r.number(6)}"),
        "Diagnose": (None, lambda r: r.one("Hypertonie,Diabetes mellitus Typ 2,Pneumonie")),
        "Betrag": (None, Row.amount),
        "Hausarzt": ("PERSON", lambda r: f"Dr. {r.name()}"),
        "Kreatinin": (None, lambda r: f"0.{r.draws.digits(2)}"),
        "Bemerkung": (
            "FREETEXT",
            lambda r: f"Patient {r.last()} klagt seit {r.number(1)} Tagen über starke Schmerzen",
        ),
    },
}


def make_table(language: str) -> tuple[list[dict[str, str]], dict[str, str | None]]:
    """Return rows and what each column is."""
    table = TABLES[language]
    rows = []
    for n in range(ROWS):
        draws = Draws(b"t" * 32, language, str(n))
        born = date(1930, 1, 1) + timedelta(days=draws.below(34_000))
        row = Row(draws, language, born)
        rows.append({name: make(row) for name, (_, make) in table.items()})
    return rows, {name: coarse for name, (coarse, _) in table.items()}
