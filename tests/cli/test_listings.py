"""Recipes, plugins, descriptions, the doctor."""

import importlib.metadata
import json

import pytest

import engram


def test_recipes_are_listed_with_plugin_title_task_and_memory(command):
    lines = command("recipes").stdout.splitlines()
    assert lines[0].split() == ["NAME", "PLUGIN", "TITLE", "TASK", "MEMORY"]
    assert lines[1].split() == ["count", "counting", "Counting", "to", "ten", "ticking", "counting"]


def test_the_json_of_recipes_adds_what_is_expected(answer):
    (recipe,) = answer("recipes")["recipes"]
    assert recipe["name"] == "count"
    assert recipe["expect"]["last-total.total"]["paper"] == 15.0


def test_a_shipped_recipe_that_cannot_be_read_names_its_plugin(command, registry, tmp_path):
    (tmp_path / "bad.toml").write_text("x = [")

    class Careless:
        @staticmethod
        @engram.hookimpl
        def register_recipes():
            return [tmp_path / "bad.toml"]

    registry.register(Careless, "careless")
    done = command("recipes")
    assert done.exit_code == 3
    assert "error: recipe 'bad' of plugin 'careless' (- -): bad.toml: not valid TOML" in done.stderr
    assert "Counting to ten" in done.stdout


def test_plugins_are_listed_with_all_they_offer(shell):
    done = shell("plugins")
    assert done.returncode == 0
    assert ["counting", "engram-counting", "1.2"] in [line.split()[:3] for line in done.stdout.splitlines()]
    for text in (
        "memory: counting",
        "task: ticking",
        "recipe: count",
        "analysis: last-total",
        "command: cheer",
        "importer: tally",
    ):
        assert text in done.stdout


def test_a_broken_plugin_is_listed_with_its_error_and_the_others_still_work(broken_shell):
    done = broken_shell("plugins")
    assert done.returncode == 3
    assert done.stderr == (
        "error: plugin 'broken' (engram-broken 0.9) failed at import: RuntimeError: no data file\n"
    )
    assert "memory: counting" in done.stdout
    assert broken_shell("describe", "memory", "counting").returncode == 0


def test_the_json_of_plugins_tells_status_error_and_import_time(broken_shell):
    found = {item["name"]: item for item in json.loads(broken_shell("plugins", "--json").stdout)["plugins"]}
    assert found["broken"]["status"] == "failed"
    assert found["broken"]["error"].endswith("no data file")
    assert found["counting"]["import_ms"] > 0
    assert (found["counting"]["commands"], found["counting"]["importers"]) == (["cheer"], ["tally"])


def test_describe_explains_parameters_and_state(command):
    text = command("describe", "memory", "counting").stdout
    assert "Equation (1): total += rate * observation." in text
    lines = text.splitlines()
    (rate,) = [line for line in lines if line.startswith("rate")]
    assert rate.split() == "rate number 0.5 1/step >= 0, <= 1 r yes weight of an observation".split()
    (total,) = [line for line in lines if line.startswith("total")]
    assert total.split() == "total mV float yes sum of what was seen".split()


def test_the_json_of_describe_is_complete(answer):
    found = answer("describe", "memory", "counting")
    rate = found["parameters"][0]
    assert rate == {
        "name": "rate", "type": "number", "default": 0.5, "unit": "1/step", "range": ">= 0, <= 1",
        "symbol": "r", "per_replica": True, "doc": "weight of an observation", "source": "",
    }  # fmt: skip
    assert found["parameters"][-1]["default"] is None
    assert found["state"][1]["axes"] == ["place"]


def test_describe_says_so_where_the_state_is_not_annotated(command, registry):
    @engram.parameters
    class Vague(engram.Synapse):
        """A connection."""

        name = "vague"
        inner: engram.Synapse | None = engram.component("synapse", default="vague", doc="one more")

        def init(self, ctx, n_pre, n_post): ...
        def propagate(self, state, pre): ...
        def learn(self, state, pre, post, modulator): ...

    class Offers:
        @staticmethod
        @engram.hookimpl
        def register_synapses():
            return [Vague]

    registry.register(Offers, "offers")
    text = command("describe", "synapse", "vague").stdout
    assert "State: not known before a run" in text
    assert [line.split()[:3] for line in text.splitlines() if line.startswith("inner")] == [
        ["inner", "synapse", "vague"]
    ]


def test_describe_shows_what_is_in_tables(command, registry):
    @engram.parameters
    class Dish:
        width: float = engram.param(default=1.0, gt=0, unit="m", doc="diameter")

    @engram.parameters
    class Roomy(engram.Memory):
        """In a dish."""

        name = "roomy"
        dish: Dish = engram.param(default=Dish(width=2.0), doc="where")
        others: tuple[Dish, ...] = engram.param(default=(Dish(),), doc="beside it")
        awake: bool = engram.param(default=False, doc="not asleep")
        parts: dict[str, engram.Synapse] = engram.component("synapse", many=True, doc="within")

        def init(self, ctx): ...
        def step(self, state, signal): ...

    Roomy.__annotations__.update(dish=Dish, others=tuple[Dish, ...])

    class Offers:
        @staticmethod
        @engram.hookimpl
        def register_memories():
            return [Roomy]

    registry.register(Offers, "offers")
    lines = [line.split() for line in command("describe", "memory", "roomy").stdout.splitlines()]
    assert ["dish", "table", "1", "where"] in lines
    assert ["dish.width", "number", "2.0", "m", ">", "0", "diameter"] in lines
    assert ["others", "list", "of", "tables", "1", "table", "1", "beside", "it"] in lines
    assert ["awake", "true", "or", "false", "false", "1", "not", "asleep"] in lines
    assert ["parts", "table", "of", "synapse", "components", "within"] in lines


@engram.state
class Spikes:
    spikes: engram.Events = engram.events("unit", doc="a spike")
    pauses: engram.Events = engram.events(doc="a pause", record=False)


def test_describe_lists_events_with_axis_and_meaning(command, answer, registry):
    @engram.parameters
    class Firing(engram.Memory):
        """Fires."""

        name = "firing"

        def init(self, ctx) -> Spikes: ...
        def step(self, state, signal): ...

    class Offers:
        @staticmethod
        @engram.hookimpl
        def register_memories():
            return [Firing]

    registry.register(Offers, "offers")
    lines = [line.split() for line in command("describe", "memory", "firing").stdout.splitlines()]
    assert ["spikes", "unit", "events", "yes", "a", "spike"] in lines
    assert ["pauses", "events", "a", "pause"] in lines
    assert answer("describe", "memory", "firing")["state"][0]["axes"] == ["unit"]


@engram.state
class Population:
    rate: engram.Array = engram.array("unit", doc="rate of a unit", record=100)


def test_describe_says_how_many_entries_are_recorded(command, answer, registry):
    @engram.parameters
    class Large(engram.Memory):
        """Of many units."""

        name = "large"

        def init(self, ctx) -> Population: ...
        def step(self, state, signal): ...

    class Offers:
        @staticmethod
        @engram.hookimpl
        def register_memories():
            return [Large]

    registry.register(Offers, "offers")
    lines = [line.split() for line in command("describe", "memory", "large").stdout.splitlines()]
    assert "rate unit 1 float 100 entries rate of a unit".split() in lines
    assert answer("describe", "memory", "large")["state"][0]["recorded"] == 100


def test_describe_without_a_name_lists_what_there_is(command, answer):
    assert {item["kind"] for item in answer("describe")["offers"]} == {"memory", "task", "recipe", "analysis"}
    assert command("describe", "memory").stdout.splitlines()[1].split() == [
        "memory", "counting", "counting", "A", "leaky", "sum.",
    ]  # fmt: skip


def test_describe_recipe_prints_the_recipe(command, answer):
    assert 'use = "ticking"' in command("describe", "recipe", "count").stdout
    assert answer("describe", "recipe", "count")["memory"] == "counting"


def test_describe_analysis_explains_it(command, answer):
    assert "The total at the last recorded step" in command("describe", "analysis", "last-total").stdout
    assert answer("describe", "analysis", "needy")["picture"] is False


def test_describe_names_the_nearest(command):
    done = command("describe", "memory", "conting")
    assert done.exit_code == 2
    assert done.stderr == "error: describe memory: no memory named 'conting'; did you mean 'counting'?\n"


def test_an_unknown_kind_names_the_kinds(command):
    done = command("describe", "neuron")
    assert done.exit_code == 2
    assert "'memory', 'synapse', 'task', 'recipe', 'analysis'" in done.stderr


@pytest.mark.parametrize(
    "words", [["recipes"], ["plugins"], ["describe"], ["doctor"], ["describe", "task", "ticking"]]
)
def test_json_says_its_schema_first(command, words):
    assert command(*words, "--json").stdout.startswith('{\n  "schema": 1,')


def test_the_doctor_finds_a_sound_installation(answer, command, monkeypatch):
    monkeypatch.setattr("engram.backend.missing_gpu", lambda: "no NVIDIA driver is installed")
    found = answer("doctor")
    assert found["problems"] == []
    assert found["facts"]["numpy"] == importlib.metadata.version("numpy")
    assert found["facts"]["backend"].endswith("no NVIDIA driver is installed")
    assert {"C compiler", "compiled rules", "numba"} <= found["facts"].keys()
    assert "a GPU: no NVIDIA driver is installed" in found["hints"]
    done = command("doctor")
    assert done.exit_code == 0
    assert "No problems found." in done.stdout


def test_the_doctor_finds_two_cupy_packages(shell, tmp_path):
    for name in ("cupy_cuda12x", "cupy_cuda13x"):
        folder = tmp_path / f"{name}-14.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 14.0\n"
        )
    done = type(shell)((*shell.sites, tmp_path))("doctor")
    assert done.returncode == 1
    assert "several CuPy packages: pip uninstall cupy-cuda12x cupy-cuda13x" in done.stdout


def test_the_doctor_says_which_line_adds_a_missing_extra(answer, monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name == "matplotlib":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr("importlib.metadata.version", version)
    assert "matplotlib missing: pip install 'engram[plot]'" in answer("doctor")["hints"]


def test_the_doctor_names_a_plugin_that_failed(broken_shell):
    done = broken_shell("doctor")
    assert done.returncode == 3
    assert "failed at import: RuntimeError: no data file" in done.stdout


def test_the_doctor_works_where_numpy_does_not(shell, tmp_path):
    (tmp_path / "numpy.py").write_text("raise ImportError('broken build')\n")
    done = type(shell)((*shell.sites, tmp_path))("doctor")
    assert done.returncode == 1
    assert "broken build" in done.stdout
