"""The report of a run: one page that shows whether the answers got better, and on what evidence.

    build(run)         reads the folder, scores the answers, compares them -> ReportData
    write_report(run)  writes report.html, report.json and report.md       -> their paths

Nothing here imports torch, and nothing needs a network.
"""

from __future__ import annotations

from pathlib import Path

from heedful.report.data import ReportData
from heedful.report.gather import build
from heedful.store import RunFolder, write_json, write_text

__all__ = ["ReportData", "build", "write_page_without_texts", "write_report"]


def write_report(run: RunFolder) -> dict[str, Path]:
    """Build the report and write it in its three forms; returns their paths by kind ("html", "json", "md").

    Raises RunError where the folder is not a run or cannot be written, DataError where a file in it is broken.
    """
    from heedful.report.as_json import report_json
    from heedful.report.as_markdown import report_markdown
    from heedful.report.hidden import with_warning
    from heedful.report.page import report_html

    data = with_warning(build(run))
    write_json(run.report("json"), report_json(data))
    write_text(run.report("md"), report_markdown(data))
    write_text(run.report("html"), report_html(data))
    return {kind: run.report(kind) for kind in ("html", "json", "md")}


def write_page_without_texts(run: RunFolder) -> Path:
    """The report's page without a question or an answer in it, to be passed on: ``report-without-texts.html``."""
    from heedful.report.hidden import without_texts
    from heedful.report.page import report_html

    path = run.path / "report-without-texts.html"
    write_text(path, report_html(without_texts(build(run))))
    return path
