from pathlib import Path


def test_demo_ends_with_a_board_to_open(gdbench):
    result = gdbench("demo", "--models", "constant,random", "--limit", 2, "--out", "here")
    assert result.code == 0
    lines = result.out.strip().splitlines()
    home = Path(lines[-1].rpartition(": ")[2])
    reports = [Path(line.strip()) for line in lines[-3:-1]]
    assert all(path.is_file() for path in (home, *reports))
    assert "constant" in home.read_text(encoding="utf-8")
    assert [p.parent.name.partition("-")[0] for p in reports] == ["constant", "random"]
    row = next(line for line in result.out.splitlines() if line.startswith("winoground"))
    assert row.split() == ["winoground", "22.2", row.split()[2], "22.2"]
    again = gdbench("demo", "--models", "constant,random", "--limit", 2, "--out", "here")
    assert again.code == 0


def test_demo_shows_naive_against_normalised_retrieval(gdbench):
    result = gdbench("demo", "--models", "mini-sd", "--limit", 2, "--samples", 2)
    assert result.code == 0
    assert "naive" in result.out
    assert "normalised" in result.out
    row = next(line for line in result.out.splitlines() if line.startswith("mini-sd"))
    assert row.split()[:2] == ["mini-sd", "2"]
