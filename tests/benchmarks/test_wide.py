from rich.table import Table

from benchmarks.wide import print_wide


def test_a_piped_table_keeps_its_words_whole(capsys):
    table = Table(*(f"a column of {k}" for k in range(8)))
    table.add_row(*"abcdefgh")
    print_wide(table, "and a line", least=150)
    out = capsys.readouterr().out
    assert all(f"a column of {k}" in out for k in range(8)) and out.rstrip().endswith("and a line")
    print_wide(table, least=40)
    assert "a column of 7" not in capsys.readouterr().out  # narrower than the table
