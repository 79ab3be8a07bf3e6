"""The report's page in a real Chromium: search, filters, the axis switch, colours, phone and paper."""

from __future__ import annotations

import importlib.util
import itertools
import json
from pathlib import Path

import pytest

from heedful.report import write_report
from heedful.store import RunFolder

pytestmark = pytest.mark.browser

_spec = importlib.util.spec_from_file_location("report_run", Path(__file__).parents[1] / "report" / "report_run.py")
assert _spec
assert _spec.loader
report_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(report_run)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = report_run.write_run(tmp_path_factory.mktemp("runs") / "first-run", *report_run.ALL)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["model"]["name"] = report_run.HOSTILE
    (folder / "manifest.json").write_text(json.dumps(manifest))
    write_report(RunFolder(folder))
    return folder


@pytest.fixture
def open_page(open_file, folder):
    return lambda path=folder / "report.html", **options: open_file(path, **options)


def shown(page) -> int:
    return page.locator(".question:visible").count()


def test_nothing_in_an_answer_runs(open_page):
    page = open_page()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0
    assert page.title().startswith("first-run")


def test_search_folds_case_and_accents_and_counts(open_page):
    page = open_page()
    assert shown(page) == 20
    page.fill("#find", "OU LA GARE")
    assert shown(page) == 1
    assert page.inner_text("#shown") == "1 of 20 questions"
    page.fill("#find", "明日")
    assert shown(page) == 1
    page.fill("#find", "capital uruguay montevideo")
    assert shown(page) == 1
    page.fill("#find", "no such words at all")
    assert shown(page) == 0
    page.click("#reset")
    assert shown(page) == 20
    assert page.input_value("#find") == ""


def test_each_filter_shows_as_many_as_it_says(open_page):
    page = open_page()
    report = {"improved": 16, "worsened": 1, "unchanged": 3, "no-stop": 0, "exact": 14, "all": 20}
    for name, count in report.items():
        page.click(f"label[for=f-{name}]")
        assert shown(page) == count
        assert page.inner_text(f"label[for=f-{name}] span") == str(count)
    assert page.locator("#nothing").is_hidden()


def test_filter_and_search_go_together_and_work_by_keyboard(open_page):
    page = open_page()
    page.focus("#f-all")
    page.keyboard.press("ArrowRight")
    assert page.is_checked("#f-improved")
    assert shown(page) == 16
    page.fill("#find", "capital")
    assert shown(page) == 1


def test_a_link_to_a_hidden_question_shows_it(open_page):
    page = open_page()
    page.fill("#find", "capital uruguay")
    page.evaluate("location.hash = '#q7'")
    page.wait_for_function("!document.querySelector('#q7').hidden")
    assert shown(page) == 20


@pytest.mark.parametrize("scripts", [True, False])
def test_the_axis_switch_works_with_and_without_scripts(open_page, scripts):
    page = open_page(java_script_enabled=scripts)
    steps, tokens = page.locator("figure.by-steps"), page.locator("figure.by-tokens")
    assert steps.is_visible()
    assert tokens.is_hidden()
    page.click("label[for=by-tokens]")
    assert tokens.is_visible()
    assert steps.is_hidden()
    assert page.locator("#find").is_visible() is scripts
    assert shown(page) == 20


READ = """h1; .verdict .run; .caveats li; summary; small; .badge.good; .badge.bad; .change.worsened; .answer.after h4;
.score span; nav a; #theme; input:checked + label; .filters input:not(:checked) + label; .pairs th; .none"""


def luminance(colour: str) -> float:
    channels = [int(float(v)) / 255 for v in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(page, selector: str) -> float:
    """WCAG 2.2, 1.4.3: of the text against the first background that is not transparent."""
    text, back = page.evaluate(
        """s => { const e = document.querySelector(s); let b = e, c = 'rgba(0, 0, 0, 0)';
        while (b && c === 'rgba(0, 0, 0, 0)') { c = getComputedStyle(b).backgroundColor; b = b.parentElement; }
        return [getComputedStyle(e).color, c]; }""",
        selector,
    )
    light, dark = sorted((luminance(text), luminance(back)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [pytest.param("light", marks=pytest.mark.slow), "dark"])
def test_colours_follow_the_system_and_are_readable(open_page, scheme):
    page = open_page(color_scheme=scheme)
    body = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert (body > 0.5) is (scheme == "light")
    for selector in READ.split(";"):
        assert contrast(page, selector) >= 4.5, selector


def test_the_button_turns_the_colours_and_is_remembered(open_page):
    page = open_page(color_scheme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    for theme, is_light in (("Light", True), ("Dark", False)):
        page.click("#theme")
        assert page.inner_text("#theme") == theme
        assert (luminance(page.evaluate(background)) > 0.5) is is_light
    page.reload()
    assert page.inner_text("#theme") == "Dark"
    page.click("#theme")
    assert page.get_attribute("#theme", "aria-label") == "Colours: as the system"


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("parts", [report_run.ALL, (), ("base",)], ids=["all", "manifest", "base"])
def test_nothing_sticks_out_sideways(open_page, tmp_path, width, parts):
    run = report_run.write_run(tmp_path / ("a-very-long-name-of-a-run-" * 5), *parts)
    page = open_page(write_report(RunFolder(run))["html"], viewport={"width": width, "height": 740})
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (
        page.evaluate(
            "[...document.querySelectorAll('main *')].filter(e => !e.closest('svg, thead') "
            "&& e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"
        )
        == []
    )


@pytest.mark.slow
def test_on_a_phone_answers_are_stacked_and_on_a_desktop_side_by_side(open_page):
    for width, stacked in ((360, True), (1280, False)):
        page = open_page(viewport={"width": width, "height": 800})
        before, after = (page.locator(f"#q1 .answer.{side}").bounding_box() for side in ("before", "after"))
        assert (after["y"] > before["y"]) is stacked


def test_on_paper_every_question_is_there_and_no_control(open_page):
    page = open_page(color_scheme="dark")
    page.fill("#find", "capital uruguay")
    assert shown(page) == 1
    page.emulate_media(media="print")
    assert shown(page) == 20
    assert page.locator("figure.by-steps").is_visible()
    assert page.locator("figure.by-tokens").is_visible()
    for selector in (".controls", "#theme", "nav", ".switch", "#nothing"):
        assert page.locator(selector).is_hidden(), selector
    assert page.locator("details p").first.is_visible()
    assert luminance(page.evaluate("getComputedStyle(document.body).color")) < 0.1


def test_what_scrolls_is_reachable_by_keyboard_and_the_structure_is_told(open_page):
    page = open_page()
    scrolling = "[...document.querySelectorAll('.answer .text')].filter(e => e.scrollHeight > e.clientHeight + 1)"
    assert page.evaluate(f"{scrolling}.length") > 0
    assert page.evaluate(f"{scrolling}.every(e => e.tabIndex === 0)")
    assert page.get_by_role("heading", level=1).count() == 1
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert page.locator("table:not(:has(caption))").count() == 0
    assert page.get_by_role("table", name="Test questions before and after").count() == 1
    assert page.get_by_role("img", name="Training and validation loss by steps").count() == 1
    assert page.get_by_role("searchbox", name="Search").count() == 1
