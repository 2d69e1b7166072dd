"""What rules refuse, each in one line: the place, the expression, the remedy."""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import pytest

import engram
from engram import EngramError, RuleError
from engram.rules import cache, target
from engram.testing import device

NAMES = {"a": 1}


def no_rule(x):
    return x


@engram.rule
def returns_nothing(x):
    x = x + 1


@engram.rule
def endless(x):
    return endless(x)


@engram.rule
def pair(x):
    return x, x


def unknown_statement(x, n):
    while x > 0:
        x = x - 1
    return x


def two_values_for_three_names(x, n):
    a, b, c = x, n
    return a + b + c


def assigned_attribute(x, n):
    x.real = 1
    return x


def assigned_element(x, n):
    x[0] = 1
    return x


def return_in_a_branch(x, n):
    if x > 0:
        return x
    return n


def return_in_a_loop(x, n):
    for k in (1, 2):
        return x * k


def name_of_a_branch(x, n):
    if x > 0:
        step = 1.0
    return step


def name_of_a_loop(x, n):
    for k in range(3):
        x = x + k
    return x * k


def tuple_changed_in_a_branch(x, n):
    t = (x, n)
    if x > 0:
        t = (n, x)
    return t[0]


def loop_over_a_number(x, n):
    for k in x:
        x = k
    return x


def index_that_is_a_pair(x, n):
    for a, b in range(3):
        x = x + a + b
    return x


def float_into_an_integer(x, n):
    count = n
    count = x
    return count


def wrong_number_of_results(x, n):
    return x, n


def unknown_name(x, n):
    return x + nowhere  # noqa: F821


def unknown_attribute(x, n):
    return x * np.nowhere


def attribute_of_a_number(x, n):
    return x.real


def unknown_expression(x, n):
    return [x][0]


def matrix_product(x, n):
    return x @ n


def known_matrix_product(x, n):
    return x * (2 @ 3)


def power_of_a_float(x, n):
    return x**0.5


def integer_operation_on_a_float(x, n):
    return x % 2


def shift_beyond_the_width(x, n):
    return x + (n << 64)


def integer_beyond_the_width(x, n):
    return x + 2**64


def division_by_zero_beforehand(x, n):
    return x * (1 / 0)


def index_beyond_a_tuple(x, n):
    return x * (1, 2)[2]


def index_beyond_a_table(x, n):
    return x * ((1, 2), (3, 4))[n][2]


def float_as_an_index(x, n):
    return (1, 2)[x]


def rows_of_different_lengths(x, n):
    return x * ((1, 2), (3,))[n][0]


def text_in_arithmetic(x, n):
    return x + "1"


def function_that_is_no_rule(x, n):
    return no_rule(x)


def call_of_a_number(x, n):
    return x(1)


def call_with_wrong_arguments(x, n):
    return pair(x, n)[0]


def call_that_returns_nothing(x, n):
    return returns_nothing(x)


def call_of_itself(x, n):
    return endless(x)


def call_that_fails_beforehand(x, n):
    return x + int("many")


def pair_as_a_number(x, n):
    return pair(x) + 1


def choice_of_unequal_pairs(x, n):
    return ((x, n) if x > 0 else (x, n, n))[0]


def minimum_with_a_key(x, n):
    return min(x, n, key=abs)


def index_of_a_number(x, n):
    return x[0]


REFUSED = {
    unknown_statement: ("while x > 0:", "assignments, if, for, and one return"),
    two_values_for_three_names: ("a, b, c = (x, n)", "2 values for 3 names"),
    assigned_attribute: ("x.real = 1", "assign to a name"),
    assigned_element: ("x[0] = 1", "only arrays and tuples can be indexed"),
    return_in_a_branch: ("return x", "return stands at the end"),
    return_in_a_loop: ("return x * k", "return stands at the end"),
    name_of_a_branch: ("step", "a name that begins in a branch or a loop ends with it"),
    name_of_a_loop: ("k", "a name that begins in a branch or a loop ends with it"),
    tuple_changed_in_a_branch: ("if x > 0:", "'t' is no number; what changes in a branch or a loop must be one"),
    loop_over_a_number: ("for k in x:", "a loop runs over range(n), a tuple, or an array"),
    index_that_is_a_pair: ("for a, b in range(3):", "the index of a loop is a name"),
    float_into_an_integer: ("count = x", "float where int is needed; convert it: int(x)"),
    wrong_number_of_results: ("return (x, n)", "returns 2 values, 1 are wanted"),
    unknown_name: ("nowhere", "'nowhere' is not known here"),
    unknown_attribute: ("np.nowhere", "there is no 'nowhere'"),
    attribute_of_a_number: ("x.real", "only parameters, modules and streams have attributes"),
    unknown_expression: ("[x]", "is not part of the subset"),
    matrix_product: ("x @ n", "this operator does not take float"),
    known_matrix_product: ("2 @ 3", "this operator does not take int"),
    power_of_a_float: ("x ** 0.5", "powers are whole numbers from 1 to 16"),
    integer_operation_on_a_float: ("x % 2", "% takes integers, not float"),
    shift_beyond_the_width: ("n << 64", "integers have 64 bits and cannot be shifted by 64"),
    integer_beyond_the_width: ("x + 2 ** 64", "has more than 64 bits; write it as a float"),
    division_by_zero_beforehand: ("1 / 0", "ZeroDivisionError: division by zero"),
    index_beyond_a_tuple: ("(1, 2)[2]", "out of range"),
    index_beyond_a_table: ("((1, 2), (3, 4))[n][2]", "index 2 of an axis of 2"),
    float_as_an_index: ("(1, 2)[x]", "an index must be an integer, not float"),
    rows_of_different_lengths: ("((1, 2), (3,))[n]", "holds numbers, as many in each row"),
    text_in_arithmetic: ("x + '1'", "one number is needed here"),
    function_that_is_no_rule: ("no_rule(x)", "decorate it with engram.rule"),
    call_of_a_number: ("x(1)", "only functions can be called"),
    call_with_wrong_arguments: ("pair(x, n)", "too many positional arguments"),
    call_that_returns_nothing: ("returns_nothing(x)", "it returns nothing"),
    call_of_itself: ("endless(x)", "a rule may not call itself"),
    call_that_fails_beforehand: ("int('many')", "ValueError: invalid literal"),
    pair_as_a_number: ("pair(x) + 1", "one number is needed here"),
    choice_of_unequal_pairs: ("(x, n) if x > 0 else (x, n, n)", "one choice has 2 values, the other 3"),
    minimum_with_a_key: ("min(x, n, key=abs)", "this function is no rule"),
    index_of_a_number: ("x[0]", "only arrays and tuples can be indexed"),
}  # fmt: skip


@pytest.mark.parametrize("function", REFUSED, ids=lambda function: function.__name__)
def test_what_is_outside_the_language_is_refused_with_line_expression_and_reason(function: Any) -> None:
    rule = engram.rule("x[i] n[i] y[i]+")(function)
    expression, reason = REFUSED[function]
    lines, first = inspect.getsourcelines(
        function if function is not call_of_itself else endless.scalar_function
    )

    with pytest.raises(RuleError) as found:
        rule(np.ones(2), np.ones(2, dtype=int), np.zeros(2))

    text = str(found.value)
    place = re.match(rf"{re.escape(__file__)}:(\d+): in \w+: `(.*?)`: (.*)$", text)
    assert place is not None and "\n" not in text, text
    assert first < int(place[1]) < first + len(lines)
    assert place[2] == expression
    assert reason in place[3]


def test_the_line_is_that_of_the_expression_also_in_a_function_that_is_called() -> None:
    @engram.rule
    def inner(x):
        x += 1
        x += nowhere(x)  # noqa: F821
        return x

    @engram.rule("x[i]&")
    def outer(x):
        return inner(x)

    line = inspect.getsourcelines(inner.scalar_function)[1] + 3
    with pytest.raises(RuleError, match=rf":{line}: in inner: `nowhere`"):
        outer(np.ones(2))


@pytest.mark.parametrize("function", [eval("lambda x: x"), np.hypot], ids=["typed in", "compiled"])
def test_a_function_without_source_is_refused(function: Any) -> None:
    with pytest.raises(
        RuleError, match=r"^rule '.*': its source cannot be read; write it with def, in a file$"
    ):
        engram.rule("x[i]&")(function)


def test_a_lambda_is_refused() -> None:
    with pytest.raises(RuleError, match="^rule '<lambda>': is no plain function; write it with def"):
        function = lambda x: x  # noqa: E731
        engram.rule("x[i]&")(function)


SPECS = {
    "x[i": "'x\\[i' is no argument; write name, name\\[axis,axis\\], with & or \\+ behind",
    "x[i]* y[i]+": "'x\\[i\\]\\*' is no argument",
    "x[i,i]&": "'x': a name or an axis occurs twice",
    "x[i]& x[i]": "'x': a name or an axis occurs twice",
    "x& y[i]": "'x' is a number and cannot receive a result; give it an axis",
    "x[i]& y[i,j]": "'x' is updated but lacks an axis of the rule; sum into it with \\+",
    "w[i,j] x[i]+ y[j]+": "sums over different axes need a rule each",
    "x[i] y[i]": "nothing receives a result; mark an array with & or \\+",
    "": "nothing receives a result",
    "η[i]&": "'η\\[i\\]&' is no argument",
}


@pytest.mark.parametrize("spec", SPECS)
def test_a_spec_that_is_none_is_refused(spec: str) -> None:
    with pytest.raises(EngramError, match=f"^rule spec: .*{SPECS[spec]}"):
        engram.rule(spec)(no_rule)


def test_a_spec_names_the_arguments_of_the_function() -> None:
    with pytest.raises(EngramError, match="rule 'no_rule': the spec gives x, y, the function takes x"):
        engram.rule("x[i]& y[i]")(no_rule)


@engram.rule("w[i,j]& x[i]; k")
def scaled(w, x, k):
    return w * x * k


W, X = np.ones((2, 3)), np.ones(2)
CALLS: dict[str, tuple[tuple[Any, ...], str]] = {
    "too few": ((W, X), "takes w, x, k, each of them once"),
    "too many": ((W, X, 1.0, 2.0), "takes w, x, k, each of them once"),
    "wrong number of axes": ((W, W, 1.0), "x needs an array with the axes \\(i\\), has shape \\(2, 3\\)"),
    "a list": ((W, [1, 2], 1.0), "x needs an array with the axes \\(i\\), has shape None"),
    "wrong length": ((W, np.ones(3), 1.0), "x has 3 along i, another array 2"),
    "an array for a number": ((W, X, X), "k needs one number, is ndarray"),
    "text for a number": ((W, X, "1"), "k needs one number, is str"),
    "two precisions": ((W, X.astype("float32"), 1.0), "arrays of float32 and float64; convert them to one"),
    "half precision": ((W.astype("float16"), X, 1.0), "w is float16; convert it to float32, float64, bool or int64"),
    "complex": ((W, X.astype(complex), 1.0), "x is complex128; convert it"),
    "other byte order": ((W.astype(">f8"), X, 1.0), "w is >f8; convert it"),
    "two devices": ((W, device.asarray(X), 1.0), "arrays of device and numpy; move them to one"),
}  # fmt: skip


@pytest.mark.parametrize("case", CALLS)
def test_arguments_that_do_not_fit_are_refused(case: str) -> None:
    values, message = CALLS[case]

    with pytest.raises(EngramError, match=f"^rule 'scaled':? .*{message}"):
        scaled(*values)


def test_arguments_given_twice_are_refused() -> None:
    with pytest.raises(EngramError, match="each of them once"):
        scaled(W, X, 1.0, w=W)


def test_a_dtype_for_an_array_that_the_rule_has_not_is_refused() -> None:
    with pytest.raises(EngramError, match="'q' is none of its arrays w, x"):
        scaled.source("cuda", q="int8")


def test_a_function_without_arrays_is_refused() -> None:
    with pytest.raises(EngramError, match="pair: give at least one array"):
        pair(1.0)


def test_a_function_that_returns_nothing_is_refused() -> None:
    with pytest.raises(
        RuleError, match="returns_nothing: it returns nothing; end it with return and a value"
    ):
        returns_nothing(np.ones(2))


def test_a_missing_c_compiler_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "c_compiler", lambda: None)

    with pytest.raises(EngramError, match="no C compiler was found; install gcc or clang, or set CC"):
        scaled.on_host(W, X, 1.0)


def test_a_missing_numba_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "numba", None)

    with (
        target.chosen("numba"),
        pytest.raises(EngramError, match=r"not installed; pip install 'engram\[fast\]'"),
    ):
        scaled(W.copy(), X.copy(), 1.0)


def test_rule_errors_end_a_run_as_other_errors_of_engram_do() -> None:
    assert issubclass(RuleError, EngramError)
    assert RuleError.exit_code == 1
