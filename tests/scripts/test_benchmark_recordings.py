"""Tables of screen recordings, from lines as a run of the benchmark adds them."""

from scripts.benchmark_recordings import Row, tables


def test_a_table_says_how_many_times_the_bytes_others_take():
    def row(codec: str, quality: int, size: int, score: float) -> Row:
        return Row("clip", codec, quality, size, score / 2, score / 100, score, 1.0)

    rows = [row("dlic", 60, 1000, 80), row("AVIF", 40, 1000, 70), row("AVIF", 60, 4000, 90), row("WebP", 95, 5000, 75)]
    *_, line = tables(rows)
    assert "| 1,000 B, 80.0, 40.0 dB, 0.8000 |" in line
    assert "| > 5.0 × / > 5.0 × / > 5.0 × | 2.0 × / 2.0 × / 2.0 × |" in line
