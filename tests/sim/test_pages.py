from pathlib import Path

import pytest

from metabot_sim.families.registry import available
from metabot_sim.pages import index, page, page_name, picture_name

DOCS = Path(__file__).parents[2] / "docs" / "families"


def without_measured(text: str) -> str:
    return text.split("## Measured")[0].rstrip()


@pytest.mark.parametrize("name", available())
def test_the_page_of_a_family_says_what_the_code_does(name: str) -> None:
    written = (DOCS / page_name(name)).read_text()
    assert without_measured(written) == without_measured(page(name)), "run: metabot sim pages"
    assert (DOCS / "pictures" / picture_name(name)).stat().st_size > 5000


def test_the_list_of_families_is_current() -> None:
    assert (DOCS / "README.md").read_text() == index()
