"""The page: self-contained, complete, readable without colour or sight."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser

import pytest

from appliance.evidence import Report
from appliance.gate import decide
from appliance.policy import policy_digest
from appliance.report.document import document
from appliance.report.html import render_html
from appliance.report.json import build_report, report_digest
from appliance.report.measures import limit
from appliance.report.words import Words
from tests.unit.report import sample_report

#: Claims no report may make.
CLAIMS = re.compile(
    r"(?<!Whether a model )\b(is|are|fully|was)\s+(compliant|anonymous|certified)|compliant with|certified"
    r"|no leakage was found\b|em conformidade com|certificad|(?<!Se um modelo )é anônimo\b",
    re.IGNORECASE,
)


class Page(HTMLParser):
    """Elements in order, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.stack: list[str] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self.stack and self.stack.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" not in self.stack:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_the_page_loads_and_runs_nothing(pages: dict[tuple[str, str], str]) -> None:
    for html in pages.values():
        page = Page(html)
        used = {tag for tag, _ in page.elements}
        assert not used & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
        for _, attributes in page.elements:
            assert not any(name.startswith("on") for name in attributes)
            for name in ("href", "xlink:href", "src"):
                assert (attributes.get(name) or "#").startswith("#")
        assert "@import" not in html
        assert not re.search(r"url\((?!#)", html)
        policy = next(m for m in page.all("meta") if m.get("http-equiv"))
        assert (policy["content"] or "").startswith("default-src 'none'")


def test_every_id_is_unique_and_every_reference_lands(
    pages: dict[tuple[str, str], str],
) -> None:
    for html in pages.values():
        page = Page(html)
        ids = [a["id"] for _, a in page.elements if a.get("id")]
        assert len(ids) == len(set(ids))
        references = {
            (a.get("href") or a.get("xlink:href") or "")[1:]
            for _, a in page.elements
            if a.get("href") or a.get("xlink:href")
        }
        assert references | set(re.findall(r"url\(#([^)]+)\)", html)) <= set(ids)


def test_headings_never_skip_a_level(pages: dict[tuple[str, str], str]) -> None:
    for html in pages.values():
        levels = [int(t[1]) for t, _ in Page(html).elements if re.fullmatch(r"h[1-6]", t)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        steps = itertools.pairwise(levels)
        assert all(after - before <= 1 for before, after in steps)


def test_every_drawing_and_table_says_what_it_shows(
    pages: dict[tuple[str, str], str], reports: dict[str, Report]
) -> None:
    for html in pages.values():
        page = Page(html)
        drawings = [a for _, a in page.elements if a.get("role") == "img"]
        assert len(drawings) == len(page.all("svg"))
        assert all(len(a["aria-label"] or "") > 20 for a in drawings)
        assert len(page.all("caption")) == len(page.all("table"))
        assert all(a.get("scope") for a in page.all("th"))
    whole = Page(pages["released", "en"])
    assert len(whole.all("svg")) == 8


def test_the_page_is_small(pages: dict[tuple[str, str], str]) -> None:
    assert max(len(html.encode()) for html in pages.values()) < 3_000_000


def test_outcomes_can_be_read_without_colour(pages: dict[tuple[str, str], str]) -> None:
    text = Page(pages["refused", "en"]).text
    assert "✕ Refused" in text
    assert "✕ not held" in text
    assert "✓ held" in text
    assert "✓ Released" in Page(pages["released", "en"]).text


def test_a_refusal_leads_with_its_reasons(pages: dict[tuple[str, str], str]) -> None:
    text = Page(pages["refused", "en"]).text
    reason = text.index("“The canary attack stays near guessing” does not hold")
    assert reason < text.index("In plain words")
    assert "measured 0.97, limit ≤ 0.65" in text


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("language", "word"), [("en", "? Inconclusive"), ("pt-BR", "? Inconclusivo")]
)
def test_a_run_that_could_not_be_judged_is_not_called_a_leak(language: str, word: str) -> None:
    policy = sample_report.policy().policy
    rules = policy.release.rules.model_copy(update={"min_canaries": 10**6})
    policy = policy.model_copy(
        update={"release": policy.release.model_copy(update={"rules": rules})}
    )
    run = sample_report.run_section()
    identity = run.policy.model_copy(update={"digest": policy_digest(policy)})
    found = sample_report.evidence(run=run.model_copy(update={"policy": identity}))
    decision = decide(found, policy)
    report = build_report(found, decision.findings, decision.verdict, [], [])
    assert report.verdict == "refused"
    text = Page(render_html(report, language=language)).text
    assert word in text
    assert "✕" not in text


def test_no_page_claims_what_evidence_cannot(pages: dict[tuple[str, str], str]) -> None:
    for html in pages.values():
        assert CLAIMS.findall(Page(html).text) == []


def test_epsilon_is_told_as_odds(pages: dict[tuple[str, str], str]) -> None:
    text = Page(pages["released", "en"]).text
    assert "they can become at most 99.96 % sure" in text
    assert "rules out little in the worst case" in text
    assert "28.9 %" in text


def test_what_is_absent_is_shown_with_its_reason(pages: dict[tuple[str, str], str]) -> None:
    text = Page(pages["released", "en"]).text
    assert "Bias not measured by this version" in text
    early = Page(pages["early", "en"]).text
    assert "missing from the run (not measured: not reached)" in early
    assert "Finished not measured: stopped before training" in early
    assert not re.findall(r"\bNone\b(?! of them)", text + early)
    assert "nan" not in re.findall(r"\w+", text + early)


def test_the_page_names_the_report_it_was_made_from(
    pages: dict[tuple[str, str], str], reports: dict[str, Report]
) -> None:
    for (name, _), html in pages.items():
        assert report_digest(reports[name]) in html


def test_the_same_report_gives_the_same_bytes(
    pages: dict[tuple[str, str], str], reports: dict[str, Report]
) -> None:
    again = render_html(reports["refused"], language="pt-BR", organisation="Saint Luke")
    assert again == pages["refused", "pt-BR"]


def test_portuguese_pages_speak_portuguese(pages: dict[tuple[str, str], str]) -> None:
    page = Page(pages["refused", "pt-BR"])
    assert page.all("html")[0]["lang"] == "pt-BR"
    assert "O que não foi testado" in page.text
    assert "medido 0,97, limite ≤ 0,65" in page.text
    for english in ("measured", "What was not tested", "canary", "lower limit of"):
        assert english not in page.text


def test_text_from_a_run_is_never_markup() -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=1>"
    run = sample_report.run_section(id=hostile)
    data = sample_report.data_section().model_copy(update={"columns": [hostile, "{{ 7 * 7 }}"]})
    report = sample_report.report_of(sample_report.evidence(run=run, data=data))
    html = render_html(report, organisation=hostile)
    assert "<script" not in html
    assert "<img" not in html
    assert "{{ 7 * 7 }}" in html


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("missing", ["data", "deidentification", "privacy", "training"])
def test_a_report_renders_without_any_one_section(missing: str) -> None:
    report = sample_report.report_of(sample_report.evidence(**{missing: None}))
    assert report.verdict == "refused"
    assert "✕ Refused" in Page(render_html(report)).text


@pytest.mark.parametrize(
    "missing",
    ["membership", "record_membership", "extraction", "regurgitation", "positive_control"],
)
def test_a_report_renders_without_any_one_attack(missing: str) -> None:
    audit = sample_report.audit_section(**{missing: None}, power={}, scores={})
    report = sample_report.report_of(sample_report.evidence(audit=audit))
    text = Page(render_html(report)).text
    assert "not measured" in text


@pytest.mark.usefixtures("undrawn")
def test_a_run_without_privacy_says_so_first() -> None:
    bare = sample_report.privacy_section(
        mechanism="none", sampling="none", spent_epsilon=None, accountants=None, self_test=None
    )
    text = Page(render_html(sample_report.report_of(sample_report.evidence(privacy=bare)))).text
    assert "This run has no privacy guarantee" in text
    assert "Training was not differentially private" in text


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("unit", "said"),
    [
        ("patient_id", "person (column patient_id)"),
        ("record", "record"),
        ("$source", "source file"),
    ],
)
def test_the_privacy_unit_is_named_in_plain_words(unit: str, said: str) -> None:
    privacy = sample_report.privacy_section(unit=unit)
    report = sample_report.report_of(sample_report.evidence(privacy=privacy))
    text = Page(render_html(report)).text
    assert f"Privacy unit: whose presence is hidden {said}" in text
    assert f"whether the data of one {said.split(' (')[0]} were used" in text


@pytest.mark.usefixtures("undrawn")
def test_a_remark_about_a_measured_value_is_shown() -> None:
    why = "1 earlier run(s) over these people had no differential privacy"
    privacy = sample_report.privacy_section(reasons={"ledger": why})
    report = sample_report.report_of(sample_report.evidence(privacy=privacy))
    text = Page(render_html(report)).text
    assert f"Remark on ledger: {why}." in text
    assert "0 before this run, 7.94 with it" in text


def test_scores_are_drawn_as_losses(pages: dict[tuple[str, str], str]) -> None:
    html = pages["released", "en"]
    drawing = html[html.index("Two histograms") :]
    labels = re.findall(r"<text[^>]*>([^<]+)</text>", drawing[: drawing.index("</figure>")])
    assert "loss on the canary's secret, nats per token" in " ".join(labels).replace("&#39;", "'")
    assert not any(label.startswith("−") for label in labels)


def test_every_limit_says_on_which_side_it_must_be_kept(reports: dict[str, Report]) -> None:
    words = Words.load("en")
    signed = 0
    for report in reports.values():
        for found in report.findings:
            said = limit(words, found)
            numbers = isinstance(found.measured, int | float) and said[0] in "≤≥<"
            if not numbers or found.outcome == "inconclusive":
                continue
            assert isinstance(found.threshold, int | float)
            kept = {
                "≤": found.measured <= found.threshold,
                "≥": found.measured >= found.threshold,
                "<": found.measured < found.threshold,
            }
            assert kept[said[0]] == found.passed, found.rule
            signed += 1
    assert signed > 30


@pytest.mark.usefixtures("undrawn")
def test_no_cell_of_numbers_keeps_a_sentence_on_one_line(reports: dict[str, Report]) -> None:
    """One such cell makes a browser shrink the whole page to fit it on paper."""
    report = reports["released"]
    assert report.audit is not None
    families = dict(report.audit.canaries.families)
    families["repeat"] = families["repeat"].model_copy(
        update={"mean_exposure": None, "reasons": {"mean_exposure": "no canary of this family"}}
    )
    canaries = report.audit.canaries.model_copy(update={"families": families})
    section = report.audit.model_copy(update={"canaries": canaries})
    page = render_html(report.model_copy(update={"audit": section}))
    assert re.search(r'<td class="num long">not measured: no canary', page)
    assert all(len(cell) <= 24 for cell in re.findall(r'<td class="num">([^<]*)</td>', page))


@pytest.mark.usefixtures("undrawn")
def test_an_exception_does_not_wear_the_colour_of_a_release() -> None:
    from tests.unit.report.test_people import ANA, BO, MAX_AUC, report, word

    waiver = word("Ana Lima", "privacy-officer", "waive", rule=MAX_AUC, reason="known")
    waived = document(report(ANA, BO, waiver, max_auc=0.01), language="pt-BR")
    assert (waived.tone, document(report(approvals=0), language="en").tone) == ("note", "good")
    said = render_html(report(ANA, BO, waiver, max_auc=0.01), language="pt-BR")
    assert "dispensada por Ana Lima (encarregado de proteção de dados)" in said
