"""Scenario files: what is read, and that every problem is told with its path."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetmon.model.errors import ConfigError
from fleetmon.sim import scenario
from fleetmon.sim.scenario import Device, NetworkOutage, Scenario, Shutdown
from fleetmon.sim.synthesis import synthesise

EXAMPLES = Path(__file__).parents[2] / "config" / "scenarios"


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        scenario.read(text, "f")
    return raised.value.problems


def test_the_shipped_demonstration_has_one_cause_and_ends_within_three_minutes() -> None:
    demo = scenario.shipped("carrier-outage")
    assert demo.duration_s <= 180
    (step,) = demo.steps
    assert step == NetworkOutage(at_s=40, for_s=60, who={"carrier": "CMCC", "region": "changsha-yuhua"})
    assert demo.problems(synthesise(100)) == []


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yml")), ids=lambda path: path.stem)
def test_the_examples_fit_a_synthesised_fleet(path: Path) -> None:
    example = scenario.load(path)
    assert example.name == path.stem
    assert example.problems(synthesise(100)) == []


def test_a_step_becomes_its_struct() -> None:
    text = (
        "{name: x, duration_s: 60, steps: [{at_s: 1, do: device, component: keys, code: Expired, who: {site: [a, b]}}]}"
    )
    assert scenario.read(text, "f") == Scenario(
        "x", 60, (Device(at_s=1, component="keys", code="Expired", who={"site": ["a", "b"]}),)
    )


def test_every_problem_is_told_with_its_path() -> None:
    text = """
        name: "not an id"
        durations: 3
        steps:
          - {at_s: -1, do: network_outage, who: {carier: CMCC, site: {a: b}}, for_s: .nan, extra: 1}
          - {at_s: 5, do: explode}
          - {do: device, component: nose, code: "", action: clear, for_s: 5}
          - 17
    """
    found = problems(text)
    paths = [problem.split(": ")[1] for problem in found]
    assert sorted(paths) == sorted([
        "durations", "name", "duration_s",
        "steps[0].extra", "steps[0].at_s", "steps[0].who.carier", "steps[0].who.site", "steps[0].for_s",
        "steps[1].do",
        "steps[2].at_s", "steps[2].component", "steps[2].code", "steps[2].for_s",
        "steps[3].do",
    ])  # fmt: skip
    assert all(problem.startswith("f: ") for problem in found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "name: is missing"),
        ("[1", "not valid YAML"),
        ("{name: x, duration_s: 0}", "duration_s: must be more than 0"),
        ("{name: x, duration_s: .inf}", "duration_s: must be a number"),
        ("{name: x, duration_s: 5, steps: 3}", "steps: must be a list"),
        ("{name: x, duration_s: 5, steps: [{at_s: 6, do: reboot}]}", "steps[0].at_s: after the end"),
        ("{name: x, duration_s: 5, steps: [{at_s: 1, do: carrier_outage}]}", "steps[0].who: has to name the carrier"),
        ("{name: x, duration_s: 5, steps: [{at_s: 1, do: site_outage}]}", "steps[0].who: has to name the site"),
        ("{name: x, duration_s: 5, steps: [{at_s: 1, do: host_outage}]}", "steps[0].who: has to name the acquirer"),
    ],
)
def test_a_wrong_file_says_why(text: str, words: str) -> None:
    assert any(words in problem for problem in problems(text))


def test_a_file_that_is_not_there_is_a_problem_of_the_operator(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        scenario.load(tmp_path / "none.yml")


def test_a_selector_that_fits_nobody_is_a_problem() -> None:
    story = Scenario("x", 60, (Shutdown(at_s=1), Shutdown(at_s=2, who={"carrier": "CMC"})))
    assert story.problems(synthesise(10)) == ["steps[1].who: selects no terminal of this registry"]


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        scenario.read(text, "f")
    except ConfigError as error:
        assert error.problems  # noqa: PT017 - most texts are refused, some are read


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
step = st.fixed_dictionaries(
    {"do": st.sampled_from([*scenario.STEPS, "sing"])},
    optional={name: plain | st.integers(0, 60) for name in ("at_s", "for_s", "who", "component", "code", "action")},
)


@given(st.fixed_dictionaries({"name": plain, "duration_s": plain | st.just(60), "steps": st.lists(step | plain)}))
def test_any_structure_is_read_or_refused(raw: object) -> None:
    try:
        scenario.read(msgspec.yaml.encode(raw).decode(), "f")
    except ConfigError as error:
        assert error.problems  # noqa: PT017 - most structures are refused, some are read
