"""Each mistake in a recipe is one line: place, what, remedy."""

from __future__ import annotations

import pytest

import engram
import engram_conditioning
from engram.plugins import Registry

CUE = {"stimulus": "A", "at": 0.1}
WATER = {"outcome": "water", "at": 0.3}


@pytest.fixture(scope="module")
def registry():
    found = Registry(discover=False)
    found.register(engram_conditioning, "conditioning")
    found.register(memories(), "memories")
    return found


def memories():
    """A plugin with a memory that does nothing."""

    @engram.state
    class Nothing:
        count = engram.array(dtype="int32", doc="signals seen")

    @engram.parameters
    class Onlooker(engram.Memory):
        """Sees and does nothing."""

        name = "onlooker"

        def init(self, ctx):
            return ctx.state(Nothing)

        def step(self, state, signal):
            state.count += 1

    class Plugin:
        @staticmethod
        @engram.hookimpl
        def register_memories():
            return [Onlooker]

    return Plugin


def recipe(**task):
    simple = {
        "use": "conditioning", "dt": 0.1, "trial": 0.5, "trials": 3, "stimuli": [{"name": "A"}],
        "outcomes": [{"name": "water"}], "types": [{"name": "A+", "events": [CUE, WATER]}],
    }  # fmt: skip
    given = {key: value for key, value in {**simple, **task}.items() if value is not None}
    return {"run": {"steps": 18, "dt": 0.1, "seed": 1}, "task": given, "memory": {"use": "onlooker"}}


def events(*items, **more):
    return {"types": [{"name": "A+", "events": [*items]}], **more}


def phase(**items):
    return {"phases": [items]}


MISTAKES = {
    "event outside": (
        events(CUE, {**WATER, "at": 0.9}),
        ": types[0].events[1]: outcome 'water' comes at 0.9 s, outside the trial of 0 to 0.5 s",
    ),
    "stimulus too long": (
        events({**CUE, "duration": 0.6}),
        ": types[0].events[0]: stimulus 'A' comes from 0.1 to 0.6 s, outside the trial of 0 to 0.5 s",
    ),
    "delay too long": (
        events(CUE, {"outcome": "water", "after": "A", "delay": {"choice": [0.1, 0.5]}}),
        ": types[0].events[1]: outcome 'water' comes from 0.2 to 0.6 s, outside the trial of 0 to 0.5 s",
    ),
    "first step": (
        events(CUE, {**WATER, "at": 0.0}),
        ": types[0].events[1]: outcome 'water' comes with the first step; put it later",
    ),
    "off the grid": (
        events({**CUE, "at": 0.14}),
        ": types[0].events[0].at: 0.14 s is no multiple of dt = 0.1 s; 0.1 s is near",
    ),
    "trial off the grid": ({"trial": 0.55}, ": trial: 0.55 s is no multiple of dt = 0.1 s; 0.6 s is near"),
    "interval off the grid": (
        {"interval": 0.25},
        ": interval: 0.25 s is no multiple of dt = 0.1 s; 0.2 s is near",
    ),
    "negative interval": ({"interval": -1.0}, ": interval: must be >= 0, not -1"),
    "endless interval": (
        {"interval": {"normal": [1.0, 0.1]}},
        ": interval: must be >= 0 and end; give shortest and longest to a normal one",
    ),
    "unknown stimulus": (
        events({**CUE, "stimulus": "B"}),
        ": types[0].events[0].stimulus: 'B' is not declared; known: A",
    ),
    "unknown outcome": (
        events(CUE, {**WATER, "outcome": "puff"}),
        ": types[0].events[1].outcome: 'puff' is not declared; known: water",
    ),
    "unknown type": (phase(mix={"B-": 1.0}), ": phases[0]: 'B-' is not declared; known: A+"),
    "unknown type in a sequence": (
        phase(order="given", sequence=["A+", "B"]),
        ": phases[0]: 'B' is not declared; known: A+",
    ),
    "after nothing": (
        events(CUE, {"outcome": "water", "after": "B", "delay": 0.1}, stimuli=[{"name": "A"}, {"name": "B"}]),
        ": types[0].events[1].after: 'B' is no stimulus of this type; add it to its events",
    ),
    "named twice": (
        {"stimuli": [{"name": "A"}, {"name": "A"}]},
        ": stimuli: 'A' is declared twice; rename one",
    ),
    "negative delay": (
        events(CUE, {"outcome": "water", "after": "A", "delay": -0.1}),
        ".types[0].events[1]: delay must be >= 0, not -0.1",
    ),
    "negative time": (events({**CUE, "at": -0.1}), ".types[0].events[0]: at must be >= 0, not -0.1"),
    "negative duration": (
        events({**CUE, "duration": -0.1}),
        ".types[0].events[0].duration: must be > 0, not -0.1",
    ),
    "both": (events({**CUE, "outcome": "water"}), ".types[0].events[0]: give either stimulus or outcome"),
    "stimulus without time": (
        events({"stimulus": "A"}),
        ".types[0].events[0]: stimulus 'A' needs `at`, a time in s",
    ),
    "stimulus with a size": (
        events({**CUE, "size": 2.0}),
        ".types[0].events[0]: after, size, probability and omit belong to outcomes, not to a stimulus",
    ),
    "outcome without time": (
        events(CUE, {"outcome": "water"}),
        ".types[0].events[1]: outcome 'water' needs either `at`, or `after` a stimulus with a delay",
    ),
    "outcome with a duration": (
        events(CUE, {**WATER, "duration": 0.1}),
        ".types[0].events[1]: duration belongs to a stimulus, not to an outcome",
    ),
    "probabilities of sizes": (
        events(CUE, {**WATER, "size": {"choice": [1.0, 2.0], "p": [0.5, 0.4]}}),
        ".types[0].events[1].size: p must sum to 1, not 0.9",
    ),
    "omission too late": (
        events(CUE, {**WATER, "omit": [3]}),
        ": types[0].events[1].omit: there is no trial 3; the last is 2",
    ),
    "too many steps": (
        {"trials": 10**9},
        ": phases: 1000000000 trials may take more than 2147483646 steps; declare fewer",
    ),
    "infinite trial": ({"trial": float("inf")}, ": trial: must be finite, not inf s"),
    "infinite interval": ({"interval": float("inf")}, ": interval: must be finite, not inf s"),
    "infinite delay": (
        events(CUE, {"outcome": "water", "after": "A", "delay": float("inf")}),
        ": types[0].events[1].delay: must be finite, not inf s",
    ),
    "infinite size": (
        events(CUE, {**WATER, "size": [1.0, float("-inf"), 1.0]}),
        ".types[0].events[1]: size must be finite",
    ),
    "infinite choice": (
        events(CUE, {**WATER, "size": {"choice": [1.0, float("inf")]}}),
        ".types[0].events[1].size: its numbers must be finite",
    ),
    "infinite value": (
        {"outcomes": [{"name": "water", "value": float("-inf")}]},
        ".outcomes[0].value: must be > -inf, not -inf",
    ),
    "infinite salience": (
        {"stimuli": [{"name": "A", "salience": float("inf")}]},
        ".stimuli[0].salience: must be < inf, not inf",
    ),
    "delay from nothing": (
        events(CUE, {**WATER, "delay": 0.2}),
        ".types[0].events[1]: delay counts from a stimulus; name it with `after`",
    ),
    "limit that is not kept": (
        events(CUE, {**WATER, "size": {"uniform": [1.0, 4.0], "longest": 2.0}}),
        ".types[0].events[1].size: longest does not hold uniform values; leave it out",
    ),
    "limits crossed": (
        events(CUE, {**WATER, "size": {"normal": [1.0, 4.0], "shortest": 3.0, "longest": 2.0}}),
        ".types[0].events[1].size: shortest must be <= longest = 2, not 3",
    ),
    "too few sizes": (
        events(CUE, {**WATER, "size": [1.0, 2.0]}),
        ": types[0].events[1].size: has 2 sizes for 3 trials; add the rest, or give trials",
    ),
    "mix": (phase(mix={"A+": 0.5}), ".phases[0]: mix must sum to 1, not 0.5"),
    "mix of words": (phase(mix={"A+": "often"}), ".phases[0]: mix.A+: must be a probability, not 'often'"),
    "mix no table": (
        phase(mix=0.5),
        '.phases[0]: mix must be a table such as {"A+" = 0.5, "B-" = 0.5}, not 0.5',
    ),
    "no sequence": (phase(order="given"), '.phases[0]: order = "given" needs a sequence of types'),
    "sequence drawn": (
        phase(sequence=["A+"]),
        '.phases[0]: a sequence needs order = "given" or "shuffled", and no mix',
    ),
    "no trials": ({"trials": None}, ": phases[0]: has no trials; add trials = N here or to the task"),
    "no types": ({"types": None}, ": types: none is declared; add [[task.types]], a design or a preset"),
    "no phases": ({"phases": []}, ": phases: none is declared; add [[task.phases]]"),
    "no trial": ({"trial": None}, ": trial: is required, the length of a trial in s; or name a preset"),
    "nothing shown": (
        events(WATER),
        ": types: no type has a stimulus, so that nothing can be seen; add one",
    ),
    "too many types": (
        {"types": [{"name": str(index), "events": [CUE]} for index in range(128)]},
        ": types: 128 are declared, but an outcome code has room for 127",
    ),
    "gap between groups": (
        {"phases": [{"groups": [0]}, {"groups": [2]}]},
        ": phases: none belongs to group 1; number groups from 0 without a gap",
    ),
    "group": ({"group": 1}, ": group: no phase has group 1; the last is 0"),
    "design and types": (
        {"design": "1A"},
        ": design: cannot be given together with types; leave one out",
    ),
    "design": (
        {"design": "1A/x", "types": None, "stimuli": None, "outcomes": None},
        ": design: cannot read 'x' at character 4 of '1A/x'; write 10A, 10AB(US) or 1#A",
    ),
    "design without outcome": (
        {"design": "1A(US)", "types": None, "stimuli": None, "outcomes": None},
        ": design: has an outcome, but no time for it; add outcome_at",
    ),
    "code": (
        {"features": "microstimuli", "code": "active"},
        ': code: microstimuli features are no indices; use code = "dense"',
    ),
    "salience": (
        {"stimuli": [{"name": "A", "salience": 0.5}], "code": "active"},
        ': code: indices have no salience; leave it at 1, or use code = "dense"',
    ),
    "belief without stimulus": (
        {"features": "belief", "types": [{"name": "A+", "events": [CUE]}, {"name": "+", "events": [WATER]}]},
        ": types[1] '+': belief features need a stimulus; add one, or choose other features",
    ),
    "belief of two outcomes": (
        events(CUE, WATER, WATER, features="belief"),
        ": types[0] 'A+': belief features need at most one outcome, not 2; choose other features",
    ),
    "belief of an early outcome": (
        events({**CUE, "at": 0.4}, WATER, features="belief"),
        ": types[0] 'A+': belief features need the outcome after the first stimulus; put it later",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line(registry, name):
    task, text = MISTAKES[name]
    with pytest.raises(engram.RecipeError) as caught:
        engram.resolve(recipe(**task), plugins=registry)

    assert caught.value.problems == [f"recipe: task{text}"]


def test_an_unknown_preset_is_named_with_those_there_are(registry):
    with pytest.raises(engram.RecipeError) as caught:
        engram.resolve(recipe(preset="pavlov"), plugins=registry)

    (line,) = caught.value.problems
    assert line.startswith("recipe: task: preset: there is no 'pavlov'; known: blocking, ")
    with pytest.raises(engram.RecipeError) as caught:
        engram.resolve(recipe(preset="bloking"), plugins=registry)
    assert caught.value.problems == ["recipe: task: preset: there is no 'bloking'; did you mean 'blocking'?"]


def test_another_step_than_that_of_the_run_is_refused(registry, tmp_path):
    tables = recipe()
    tables["run"]["dt"] = 0.2

    with pytest.raises(engram.EngramError) as caught:
        engram.run(engram.resolve(tables, plugins=registry), out=tmp_path / "run.h5", plugins=registry)

    assert caught.value.exit_code == 2
    assert str(caught.value) == "recipe: task.dt: is 0.1 s, but run.dt is 0.2 s; give both the same value"


def test_a_mistake_of_a_swept_group_is_found_before_the_run(registry):
    tables = {**recipe(), "sweep": {"task.group": [0, 3]}}

    with pytest.raises(engram.RecipeError) as caught:
        engram.resolve(tables, plugins=registry)

    (line,) = caught.value.problems
    assert line == "recipe: sweep: task: group: no phase has group 3; the last is 0 (at group = 3)"
