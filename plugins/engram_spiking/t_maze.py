"""A rat in a T-maze, seen from above.

After the exhibit rl_snn of ngc-museum (8da671de): a stem of three fields, an arm of one field to each side at
its top. The rat starts at the foot of the stem and moves by one field up, down, left or right; walls hold it
back. A move that brings it nearer to the goal earns +1, any other -1, and reaching the goal +1. An episode is
over at the goal, or after 30 moves.

A trial is one move: the picture is shown for a while, then the action of the last step is the move. The last
signal of a trial shows nothing and carries what the move earned.
"""

from __future__ import annotations

from typing import Any, Literal

import attrs
import numpy as np

import engram
from engram import Array, Choice, Context, RecipeError, Signal, Spec, Stream

_MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))
_START, _TOP = (4, 2), 1
_MAP = ("#####", "#   #", "## ##", "## ##", "## ##", "#####")
_RAT = ((0, 1, 0), (1, 1, 1), (0, 1, 0))
_GOAL = ((1, 0, 1), (0, 1, 0), (1, 0, 1))
_SIDE = 3


@engram.state
class MazeState:
    """Where the rat is, and how its episodes ended."""

    row: Array = engram.array(dtype="int32", doc="row of the rat", record=True)
    column: Array = engram.array(dtype="int32", doc="column of the rat", record=True)
    moves: Array = engram.array(dtype="int32", doc="moves in this episode")
    over: Array = engram.array(dtype="int32", doc="episodes that are over", record=True)
    result: Array = engram.array("episode", dtype="int8", doc="1 goal reached, 0 not, -1 to come")
    tick: Array = engram.array(dtype="int32", unit="step", doc="steps since the task began")
    slip: Stream = engram.fixed()
    stray: Stream = engram.fixed()
    pictures: Array = engram.fixed()
    free: Array = engram.fixed()
    steering: Array = engram.fixed()
    rows: Array = engram.fixed()
    steps: int = engram.fixed()
    quiet: Signal = engram.fixed()
    ctx: Context = engram.fixed()


@engram.parameters
class TMaze(engram.Task):
    """A rat that is rewarded for each move towards the goal."""

    name = "t-maze"

    goal: Literal["left", "right"] = engram.param(default="right", doc="arm of the goal")
    episodes: int = engram.param(default=200, ge=1, doc="episodes, after which a replica is finished")
    longest: int = engram.param(default=30, ge=1, doc="moves after which an episode is over")
    duration: float = engram.param(
        default=0.1, gt=0, unit="s", doc="how long the picture is shown for a move"
    )
    rate: float = engram.param(default=127.5, ge=0, unit="Hz", doc="value of a pixel that is on")
    slip: float = engram.param(default=0.02, ge=0, le=1, doc="probability that a move is drawn at random")

    @property
    def observation(self) -> Spec:
        """Pixels of the picture, three by three a field."""
        pixels = _SIDE * _SIDE * len(_MAP) * len(_MAP[0])
        return Spec(shape=(pixels,), axes=("pixel",), low=0.0, high=self.rate, unit="Hz")

    @property
    def action(self) -> Choice:
        """The move."""
        return Choice(len(_MOVES), labels=("up", "down", "left", "right"))

    @property
    def goal_column(self) -> int:
        """Column of the goal, in the top row."""
        return 1 if self.goal == "left" else 3

    def trial_steps(self, dt: float) -> tuple[int, int]:
        """All moves take equally long: the picture, and a step of reward."""
        return (round(self.duration / dt) + 1,) * 2

    def init(self, ctx: Context) -> MazeState:
        """Put the rat to the foot of the stem.

        Raises:
            RecipeError: The picture is shown for less than a step.
        """
        steps = self.trial_steps(ctx.dt)[0]
        if steps < 2:
            raise RecipeError(f"{ctx.path}.duration: {self.duration:g} s is less than a step; lengthen it")
        free = np.array([[field != "#" for field in line] for line in _MAP])
        return ctx.state(
            MazeState,
            sizes={"episode": self.episodes},
            row=ctx.zeros(dtype="int32") + np.int32(_START[0]),
            column=ctx.zeros(dtype="int32") + np.int32(_START[1]),
            result=ctx.zeros(self.episodes, dtype="int8") - np.int8(1),
            slip=ctx.random("slip"),
            stray=ctx.random("stray"),
            pictures=ctx.xp.asarray(self.rate * _pictures(free, self.goal_column), dtype=ctx.dtype),
            free=ctx.xp.asarray(free),
            steering=ctx.xp.asarray(_MOVES, dtype="int32"),
            rows=ctx.xp.arange(ctx.batch),
            steps=steps,
            quiet=ctx.signal(ctx.zeros(*self.observation.shape)),
            ctx=ctx,
        )

    def finished(self, state: MazeState) -> Array:
        """Replicas whose episodes are all over, (batch,)."""
        return state.over >= self.episodes

    def reset(self, state: MazeState) -> Signal:
        """Show the first picture."""
        return self._shown(state, state.ctx.zeros(), state.ctx.zeros(dtype="bool"))

    def step(self, state: MazeState, action: Array | None) -> Signal:
        """Move where it is time to, and go on."""
        moves = state.tick % state.steps == state.steps - 2
        last = state.tick % state.steps == state.steps - 1
        self._begin_anew(state, last & self._done(state))
        reward = self._move(state, action, moves)
        state.tick += 1
        return self._shown(state, reward, moves)

    def _at_goal(self, state: MazeState) -> Array:
        return (state.row == _TOP) & (state.column == self.goal_column)

    def _done(self, state: MazeState) -> Array:
        return self._at_goal(state) | (state.moves >= self.longest)

    def _begin_anew(self, state: MazeState, done: Array) -> None:
        """Put rats whose episode is over back to the start."""
        xp = state.ctx.xp
        state.row[...] = xp.where(done, _START[0], state.row)
        state.column[...] = xp.where(done, _START[1], state.column)
        state.moves *= ~done
        state.over += done

    def _move(self, state: MazeState, action: Any, moves: Array) -> Array:
        """Move the rats where `moves` is True; return (batch,) what that earns."""
        xp = state.ctx.xp
        taken = xp.where(state.slip.uniform() < self.slip, state.stray.integers(len(_MOVES)), action)
        way = state.steering[taken] * moves[:, None]
        before = self._distance(state)
        open_ = state.free[state.row + way[:, 0], state.column + way[:, 1]]
        state.row += way[:, 0] * open_
        state.column += way[:, 1] * open_
        state.moves += moves
        number = xp.minimum(state.over, self.episodes - 1)
        ended = moves & self._done(state) & (state.over < self.episodes)
        state.result[state.rows, number] = xp.where(
            ended, self._at_goal(state), state.result[state.rows, number]
        )
        nearer = self._distance(state) < before
        return xp.where(nearer, 1, -1).astype(state.ctx.dtype) * moves

    def _distance(self, state: MazeState) -> Array:
        return abs(state.row - _TOP) + abs(state.column - self.goal_column)

    def _shown(self, state: MazeState, reward: Array, end: Array) -> Signal:
        picture = state.pictures[state.row, state.column] * ~end[:, None]
        start = state.tick % state.steps == 0
        outcome = (end * (1 + self._at_goal(state)) - 1).astype("int8")
        return attrs.evolve(
            state.quiet, observation=picture, reward=reward, start=start, end=end, outcome=outcome
        )


def _pictures(free: np.ndarray[Any, Any], goal: int) -> np.ndarray[Any, Any]:
    """Return (row, column, pixel) what is seen with the rat in each field."""
    walls = np.kron(~free, np.ones((_SIDE, _SIDE)))
    walls[_SIDE * _TOP : _SIDE * (_TOP + 1), _SIDE * goal : _SIDE * (goal + 1)] = _GOAL
    every = np.repeat(walls[None], free.size, axis=0).reshape(*free.shape, *walls.shape)
    for row, column in np.ndindex(free.shape):
        every[row, column, _SIDE * row : _SIDE * (row + 1), _SIDE * column : _SIDE * (column + 1)] = _RAT
    return every.reshape(*free.shape, -1)
