"""Charts have axes that a person can read: few, round, and as far as the data goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epofusion_core.report.charts import events, histogram, round_ticks, timeline


@pytest.mark.parametrize(
    ("largest", "ticks"),
    [
        (103.0, [0, 50, 100, 150]),
        (2.97, [0, 1, 2, 3]),
        (26, [0, 10, 20, 30]),
        (0.31, [0, 0.1, 0.2, 0.3, 0.4]),
        (0.0, [0, 0.25, 0.5, 0.75, 1]),
    ],
)
def test_ticks_are_round_numbers_to_beyond_the_largest_value(largest: float, ticks: list[float]) -> None:
    assert round_ticks(largest) == pytest.approx(ticks)


@given(st.floats(1e-6, 1e9))
def test_any_axis_reaches_its_data_with_few_ticks(largest: float) -> None:
    ticks = round_ticks(largest)
    assert ticks[-2] < largest <= ticks[-1] * (1 + 1e-6)
    assert 3 <= len(ticks) <= 5


@given(st.integers(1, 10**9))
def test_counts_have_whole_ticks(largest: int) -> None:
    ticks = round_ticks(largest, whole=True)
    assert all(tick == int(tick) for tick in ticks)
    assert ticks[-1] >= largest


def test_a_chart_names_its_units_and_the_value_of_each_mark() -> None:
    assert ">200 ms</text>" in histogram([12.0, 155.0], "ms")
    assert "12 ms at 0.50 s" in timeline([0.5, 2.0], [12.0, 15.5], "ms")


def test_a_chart_without_events_says_so() -> None:
    assert ">none</text>" in events([], 3.0, "pairs")
    assert ">none</text>" not in events([1.0], 3.0, "pairs")


def test_a_dot_opens_its_frame_and_is_shown_however_many_there_are() -> None:
    times_s = [index / 100 for index in range(5000)]
    chart = timeline(times_s, [1.0] * 5000, "ms", {1234: "#frame-1234", 7: "fused.mp4#t=0.07"})
    assert '<a href="#frame-1234"><circle class="mark" cx="' in chart
    assert '<a href="fused.mp4#t=0.07">' in chart
    assert chart.count('r="5.0"') == 1, "only what lies in the page has a large dot"
    assert chart.count("<circle") < 1000
