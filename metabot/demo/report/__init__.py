"""The report of a demo run: one HTML file, a picture, and a moving picture of what the fleet did.

Use `write_report` at the end of a run, or again later: it reads nothing but the run's
``summary.json`` and ``paths.json``.
"""

from metabot.demo.report.write import ReportFiles, write_report

__all__ = ["ReportFiles", "write_report"]
