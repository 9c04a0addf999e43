"""Tables of the reference page that are made from the code.

``python -m metabot_sim.reference docs/reference/simulation.md`` brings them up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from metabot_sim.rewards import REWARD_TERMS

BEGIN, END = "<!-- reward terms: made by metabot_sim.reference -->", "<!-- end of reward terms -->"


def reward_table() -> str:
    """The reward terms as a Markdown table."""
    rows = [f"| `{name}` | `{term.needs}` | {term.summary} |" for name, term in REWARD_TERMS.items()]
    return "\n".join(["| term | reads | worth |", "|---|---|---|", *rows])


def updated(page: str) -> str:
    """A page with the table between its marks as it should be.

    Raises:
        ValueError: if the page has no marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{reward_table()}\n{END}{after}"


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        path.write_text(updated(path.read_text()))
