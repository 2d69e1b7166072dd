"""The checksum of a chunk is the one that HDF5 itself computes."""

import h5py
import numpy as np
import pytest

from engram_hdf5.checksum import fletcher32


@pytest.mark.parametrize(
    "length", [1, 2, 3, 7, 8, 9, 720, 8191, 8192, 8193, 16384, 8 * 1024 * 63 + 5, 1 << 20, (1 << 21) + 24]
)
@pytest.mark.parametrize("fill", ["noise", "zeros", "ones"])
def test_it_is_what_hdf5_stores_behind_a_chunk(tmp_path, length, fill):
    noise = np.random.default_rng(length).integers(0, 256, length, dtype=np.uint8)
    data = {"noise": noise, "zeros": np.zeros_like(noise), "ones": np.full_like(noise, 255)}[fill]
    with h5py.File(tmp_path / "chunk.h5", "w") as file:
        dataset = file.create_dataset("x", data=data, chunks=(length,), fletcher32=True)
        _, stored = dataset.id.read_direct_chunk((0,))
    assert stored == data.tobytes() + fletcher32(data).to_bytes(4, "little")


def test_the_longest_chunk_overflows_no_sum():
    # All words are 0xFFFF, which is 0 modulo 65535, but for the first and the last.
    data = np.full(64 << 20, 255, np.uint8)
    data[:2], data[-2:] = (0, 2), (0, 3)
    words = len(data) // 2
    assert fletcher32(data) == (words * 2 + 3) % 65535 << 16 | 5


def test_bytes_and_their_array_have_one_checksum():
    data = np.arange(1000, dtype=np.uint8)
    assert fletcher32(data.tobytes()) == fletcher32(data)
