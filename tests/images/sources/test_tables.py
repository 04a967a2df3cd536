"""The tables of docs/metadata.md are those of this version."""

from pathlib import Path

from tests.images.sources import statements, written_table

PAGE = Path(__file__).parents[3] / "docs" / "metadata.md"


def test_the_tables_of_the_documentation_are_measured():
    page = PAGE.read_text(encoding="utf-8")
    for table in (statements.table(), written_table.table()):
        assert "lost" not in table and table in page, f"docs/metadata.md needs\n{table}"
