"""Files of torch.save: what is read of them, and that nothing in them can do harm."""

from __future__ import annotations

import os
import pickle
import random
import sys
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pytest

from engram import EngramError
from engram_distributional_td.torch_file import Rebuilt, load

MUTANTS = 500
MEMORY = 64 << 20
PROTO = b"\x80\x02"


def refusal(path):
    """The one line with which a file is refused."""
    with pytest.raises(EngramError) as caught:
        load(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ") and "\n" not in text
    return text.removeprefix(f"{path}: ")


def name(module, attribute):
    return b"c" + module.encode() + b"\n" + attribute.encode() + b"\n"


def text(value):
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "b1"])
@pytest.mark.parametrize("order", ["little", "big"])
def test_tensors_of_every_plain_dtype_are_read(saved, tensor, dtype, order):
    values = np.array([[0, 1, 2], [3, 4, 5]], dtype)
    found = load(saved([tensor(values)], order=order))
    assert found[0].dtype.newbyteorder("=") == values.dtype
    np.testing.assert_array_equal(found[0], values)


def test_a_tensor_is_the_window_that_strides_and_offset_make(saved, tensor):
    storage = np.arange(12.0)
    content = {
        "transposed": tensor.window(storage, (4, 3), (1, 4)),
        "late": tensor.window(storage, (2,), (3,), 5),
    }
    found = load(saved(content))
    np.testing.assert_array_equal(found["transposed"], storage.reshape(3, 4).T)
    np.testing.assert_array_equal(found["late"], [5, 8])


def test_a_tensor_without_axes_is_a_number(saved, tensor):
    assert float(load(saved(tensor(0.25)))) == 0.25


def test_plain_values_come_back_as_they_were(saved):
    content = {
        "numbers": [0, -1, 300, 70000, 2**40, 0.1, True, False, None],
        "text": "gamma \N{GREEK SMALL LETTER BETA}",
        "tuples": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
        1: {"empty": [{}]},
    }
    assert load(saved(content)) == content


def test_numbers_and_arrays_of_numpy_are_rebuilt(saved):
    numbers = [np.int64(7), np.int16(-3), np.uint8(200), np.float32(0.1), np.float64(1e300), np.bool_(True)]
    arrays = [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.array([1, 2], ">i4"),
    ]
    found = load(saved([numbers, arrays]))
    assert found[0] == numbers
    assert [type(item) for item in found[0]] == [type(item) for item in numbers]
    for one, other in zip(found[1], arrays, strict=True):
        assert isinstance(one, Rebuilt)
        np.testing.assert_array_equal(one.value, other)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_of_plain_data_is_read(pickled, protocol):
    content = {"a": [1, 2.5, "x", (None, True)], "b": list(range(2000))}
    assert load(pickled(pickle.dumps(content, protocol))) == content


@pytest.mark.parametrize(
    ("module", "attribute"),
    [("os", "system"), ("posix", "system"), ("builtins", "eval"), ("__builtin__", "exec"), ("torch", "load"),
     ("numpy", "load"), ("engram_distributional_td.torch_file", "load"), ("torch.nn", "Module")],
)  # fmt: skip
def test_a_pickle_that_would_run_code_is_refused_and_does_not_run_it(pickled, tmp_path, module, attribute):
    victim = tmp_path / "ran"
    program = PROTO + name(module, attribute) + text(f"touch {victim}") + b"\x85R."
    assert refusal(pickled(program)) == (
        f"its pickle asks for '{module}.{attribute}', which is no plain data; nothing of it was run"
    )
    assert not victim.exists()


def test_the_standard_library_would_have_run_it(tmp_path):
    victim = tmp_path / "ran"
    pickle.loads(PROTO + name("os", "system") + text(f"touch {victim}") + b"\x85R.")
    assert victim.exists()


def test_a_name_given_by_the_stack_is_refused_too(pickled):
    program = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."
    assert "asks for 'os.system'" in refusal(pickled(program))


@pytest.mark.parametrize(
    ("code", "program"),
    [("INST", b"(ios\nsystem\n."), ("OBJ", b"(" + name("collections", "OrderedDict") + b"o."),
     ("NEWOBJ", name("collections", "OrderedDict") + b")\x81."), ("EXT1", b"\x82\x01."), ("PERSID", b"Px\n."),
     ("LONG4", b"\x8b\x01\x00\x00\x00\x01."), ("EMPTY_SET", b"\x8f."), ("NEXT_BUFFER", b"\x97."),
     ("BYTEARRAY8", b"\x96" + b"\xff" * 8 + b"."), ("BINUNICODE8", b"\x8d" + b"\xff" * 8 + b"."), ("POP", b"0.")],
)  # fmt: skip
def test_opcodes_that_plain_data_do_not_need_are_refused(pickled, code, program):
    assert refusal(pickled(PROTO + program)) == (
        f"its pickle has the opcode {getattr(pickle, code)[0]}, which plain data do not need; it was not run"
    )


@pytest.mark.parametrize(
    "program",
    [b"", b".", PROTO, PROTO + b"K", PROTO + b"K\x01", PROTO + b"h\x05.", PROTO + b"(K\x01.0",
     PROTO + b"]K\x01s.", PROTO + b"}K\x01a.", PROTO + b"}(K\x01u.", PROTO + b"\x85.", PROTO + b"t.", PROTO + b"(a.",
     PROTO + b"]}b.", PROTO + b"K\x01K\x02R.", PROTO + name("numpy", "ndarray") + b")R.", PROTO + b"X\xff\xff\xff\xff.",
     PROTO + name("_codecs", "encode") + b")R.", PROTO + name("_codecs", "encode") + text("a") + text("rot13") + b"\x86R."],
)  # fmt: skip
def test_a_damaged_pickle_is_one_line(pickled, program):
    if program in (PROTO + b"(K\x01.0",):
        assert load(pickled(program)) == 1
    else:
        assert refusal(pickled(program)).startswith("its pickle is damaged (")


def test_a_list_that_holds_itself_is_read(pickled):
    found = load(pickled(PROTO + b"]q\x00h\x00a."))
    assert found[0] is found


def test_deep_nesting_neither_recurses_nor_breaks(pickled):
    depth = 300_000
    found = load(pickled(PROTO + b"K\x01" + b"\x85" * depth + b"."))
    for _ in range(depth):
        (found,) = found
    assert found == 1


def test_a_deeply_nested_key_is_refused_before_it_is_hashed(pickled):
    program = PROTO + b"}K\x01" + b"\x85" * 300_000 + b"K\x02s."
    assert refusal(pickled(program)) == "has a dict with a key of type tuple; only text and int are read"


@pytest.mark.parametrize(
    ("size", "stride", "offset"),
    [((13,), (1,), 0), ((2,), (12,), 0), ((1,), (1,), 12), ((10**9, 10**9), (0, 0), 0), ((2, 7), (0, 1), 0),
     ((2**70,), (1,), 0), ((3,), (-1,), 5), ((2, 2), (1,), 0), ((1,) * 9, (1,) * 9, 0), ((True,), (1,), 0), ((1,), (1,), -1)],
)  # fmt: skip
def test_a_window_that_leaves_its_storage_or_repeats_it_is_refused(saved, tensor, size, stride, offset):
    assert "has a tensor" in refusal(saved(tensor.window(np.arange(12.0), size, stride, offset)))


def storage_id(kind="FloatStorage", key="0", count=3):
    return storage_of(text(key), kind, count)


def storage_of(key, kind="FloatStorage", count=3):
    return b"(" + text("storage") + name("torch", kind) + key + text("cpu") + bytes([75, count]) + b"tQ"


@pytest.mark.parametrize(
    ("program", "said"),
    [(storage_id(count=4), "storage 0: has another size than the pickle says"),
     (storage_id(key="../../0"), "has a reference to what is no storage"),
     (storage_id(key="9"), "has a reference to what is no storage"),
     (text("storage") + b"Q", "its pickle is damaged ("),
     (storage_id("BFloat16Storage"), "asks for 'torch.BFloat16Storage'")],
)  # fmt: skip
def test_a_storage_that_is_not_there_or_not_plain_is_refused(pickled, program, said):
    assert said in refusal(pickled(PROTO + program + b".", data_0=bytes(12)))


def test_the_forms_before_torch_1_6_say_what_to_do(tmp_path):
    again = "load it with torch and save it again: torch.save(torch.load(FILE, weights_only=False), FILE)"
    bare, tar = tmp_path / "bare.pth", tmp_path / "tar.pth"
    bare.write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.")
    (tmp_path / "storages").write_bytes(b"x")
    with tarfile.open(tar, "w", format=tarfile.USTAR_FORMAT) as archive:
        archive.add(tmp_path / "storages", "storages")
    for path in (bare, tar):
        assert refusal(path) == f"was saved in the form of torch before 1.6; {again}"


def test_what_is_no_file_of_torch_is_said_to_be_none(tmp_path):
    other, archive = tmp_path / "text.pth", tmp_path / "archive.pth"
    other.write_text("V,deltas\n")
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("readme", "hello")
    assert refusal(other) == "is no file of torch.save; give one that it wrote"
    assert "has no single record data.pkl" in refusal(archive)
    assert refusal(tmp_path / "absent.pth").startswith("cannot be read (No such file")
    assert refusal(tmp_path).startswith("cannot be read (Is a directory")


def test_a_file_cut_anywhere_is_refused(saved, tensor, tmp_path):
    whole = saved({"a": tensor(np.arange(50.0)), "b": [np.int64(1)]}).read_bytes()
    short = tmp_path / "short.pth"
    for length in range(0, len(whole) - 1, 37):
        short.write_bytes(whole[:length])
        refusal(short)
    short.write_bytes(whole[:-40])
    assert refusal(short) == "is cut short; get it again"


def test_a_zip_bomb_is_refused_before_it_is_unpacked(pickled):
    path = pickled(PROTO + b"N.", zipfile.ZIP_DEFLATED, data_0=bytes(1 << 26))
    assert path.stat().st_size < 1 << 17
    assert peak(lambda: load(path)) < 1 << 20
    assert "is compressed, as torch.save never does" in refusal(path)


def peak(action):
    """The most memory in bytes that Python's objects take during an action; its refusal is let pass."""
    tracemalloc.start()
    try:
        action()
    except EngramError:
        pass
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return most


def test_records_larger_than_their_file_are_refused(pickled):
    path = pickled(PROTO + b"N.", data_0=bytes(100))
    content = bytearray(path.read_bytes())
    central = content.rindex(b"PK\x01\x02")
    content[central + 20 : central + 28] = (1 << 30).to_bytes(4, "little") * 2
    path.write_bytes(content)
    assert refusal(path) == "has records that are larger than itself; get it again"


LONG = text("a" * (1 << 20))
ENCODE = name("_codecs", "encode") + b"q\x00"
TENSOR = name("torch._utils", "_rebuild_tensor_v2") + b"(" + storage_id()
# A tuple of two of itself, thirty times: 2 ** 30 items to print, to hash or to compare.
DOUBLED = b"K\x01" + b"q\x01h\x01\x86" * 30


@pytest.mark.slow
@pytest.mark.parametrize(
    "program",
    [ENCODE + LONG + text("latin1") + b"\x86q\x01" + b"h\x00h\x01R" * 5000, b"}" * 4_000_000, b"]\x94" * 2_000_000,
     b"}\x94" * 2_000_000, b"]q\x00" + b"(h\x00h\x00h\x00h\x00tq\x00" * 200_000, b"(" * 4_000_000],
    ids=["bytes", "dicts", "lists", "memo", "tuples", "marks"],
)  # fmt: skip
def test_the_longest_pickles_are_read_in_bounded_memory(pickled, program):
    path = pickled(PROTO + program + b".")
    assert peak(lambda: load(path)) < 8 * MEMORY


@pytest.mark.parametrize(
    "program",
    [b"r\xff\xff\xff\x7f", b"Nr\xff\xff\xff\x7f", b"\x95" + b"\xff" * 8,
     ENCODE + b"K\x01" + b"\x85" * 300_000 + text("latin1") + b"\x86R",
     ENCODE + text("a") + DOUBLED + b"\x86R", ENCODE + DOUBLED + b"R",
     name("numpy", "dtype") + DOUBLED + b"\x88\x89\x87R",
     storage_of(DOUBLED),
     TENSOR + b"K\x00" + DOUBLED + b"K\x01\x85\x89NtR",
     TENSOR + b"K\x00" + LONG + b"J\xff\xff\xff\x7f\x86K\x01K\x01\x86\x89NtR"],
)  # fmt: skip
def test_no_operand_is_printed_hashed_or_multiplied(pickled, program):
    path = pickled(PROTO + program + b".", data_0=bytes(12))
    assert peak(lambda: load(path)) < MEMORY


def test_a_pickle_that_is_too_long_is_refused_unread(pickled):
    assert refusal(pickled(bytes((1 << 22) + 1))).startswith("has a pickle of 4,194,305 bytes; up to")


def mutant(whole, dice):
    """Bytes changed, cut out, doubled or overwritten in one to four places."""
    content = bytearray(whole)
    for _ in range(dice.randint(1, 4)):
        place, length = dice.randrange(len(content)), dice.randint(1, 16)
        kind = dice.randrange(4)
        if kind == 0:
            content[place] = dice.randrange(256)
        elif kind == 1:
            del content[place : place + length]
        elif kind == 2:
            content[place:place] = content[place : place + length]
        else:
            content[place : place + length] = dice.choice([b"\xff", b"\x00"]) * length
    return bytes(content)


def test_mutants_are_read_or_refused_in_one_line_and_in_bounded_memory(saved, experiment, tmp_path):
    content = experiment("single_lambda0") | {"array": np.arange(3), "nested": [(1, {"a": None})]}
    whole = saved(content).read_bytes()
    dice, refused = random.Random(3), 0
    path = tmp_path / "mutant.pth"

    def look():
        nonlocal refused
        try:
            load(path)
        except EngramError as error:
            refused += 1
            assert "\n" not in str(error)

    for _ in range(MUTANTS):
        path.write_bytes(mutant(whole, dice))
        assert peak(look) < MEMORY
    assert MUTANTS // 4 < refused <= MUTANTS


def test_mutants_of_the_pickle_alone_are_read_or_refused_in_one_line(saved, experiment, pickled):
    with zipfile.ZipFile(saved(experiment("two_cues_two_types"))) as archive:
        records = {os.path.basename(info.filename): archive.read(info) for info in archive.infolist()}
    program = records["data.pkl"]
    dice, refused = random.Random(4), 0
    for _ in range(MUTANTS):
        head = mutant(program[:1500], dice) + program[1500:]
        path = pickled(head, **{f"data_{key}": records[key] for key in "0123"})
        try:
            load(path)
        except EngramError as error:
            refused += 1
            assert "\n" not in str(error)
    assert MUTANTS // 2 < refused < MUTANTS


def test_torch_is_not_imported(saved, tensor):
    load(saved(tensor([1.0])))
    assert "torch" not in sys.modules
