"""What every C text begins with: the same names for CUDA and for the host, which plays the grid."""

from __future__ import annotations

PREAMBLE = """\
#ifdef __CUDACC__
#define ENGRAM_DEVICE static __device__ __forceinline__
#define ENGRAM_TABLE static __device__ const
#define ENGRAM_KERNEL extern "C" __global__ void
#define ENGRAM_RESTRICT __restrict__
ENGRAM_DEVICE int engram_bits32(float x) { return __float_as_int(x); }
ENGRAM_DEVICE float engram_from_bits32(int i) { return __int_as_float(i); }
ENGRAM_DEVICE long long engram_bits64(double x) { return __double_as_longlong(x); }
ENGRAM_DEVICE double engram_from_bits64(long long i) { return __longlong_as_double(i); }
#define engram_sqrt32(x) sqrtf(x)
#define engram_sqrt64(x) sqrt(x)
#define engram_floor32(x) floorf(x)
#define engram_floor64(x) floor(x)
#define engram_trunc32(x) truncf(x)
#define engram_trunc64(x) trunc(x)
#define engram_rint32(x) rintf(x)
#define engram_rint64(x) rint(x)
#define engram_abs32(x) fabsf(x)
#define engram_abs64(x) fabs(x)
#else
#define ENGRAM_DEVICE static inline
#define ENGRAM_TABLE static const
#define ENGRAM_KERNEL static void
#define ENGRAM_RESTRICT restrict
typedef struct { unsigned x, y, z; } engram_three;
typedef struct { float x, y, z, w; } float4;
static _Thread_local engram_three blockIdx, threadIdx, blockDim, gridDim;
ENGRAM_DEVICE int engram_bits32(float x) { int i; __builtin_memcpy(&i, &x, 4); return i; }
ENGRAM_DEVICE float engram_from_bits32(int i) { float x; __builtin_memcpy(&x, &i, 4); return x; }
ENGRAM_DEVICE long long engram_bits64(double x) { long long i; __builtin_memcpy(&i, &x, 8); return i; }
ENGRAM_DEVICE double engram_from_bits64(long long i) { double x; __builtin_memcpy(&x, &i, 8); return x; }
#define engram_sqrt32(x) __builtin_sqrtf(x)
#define engram_sqrt64(x) __builtin_sqrt(x)
#define engram_floor32(x) __builtin_floorf(x)
#define engram_floor64(x) __builtin_floor(x)
#define engram_trunc32(x) __builtin_truncf(x)
#define engram_trunc64(x) __builtin_trunc(x)
#define engram_rint32(x) __builtin_rintf(x)
#define engram_rint64(x) __builtin_rint(x)
#define engram_abs32(x) __builtin_fabsf(x)
#define engram_abs64(x) __builtin_fabs(x)
#endif
#define ENGRAM_INF (1.0 / 0.0)
#define ENGRAM_NAN (0.0 / 0.0)
/* As NumPy has them: rounded down, 0 for a division by 0, the smallest integer for what is none. */
ENGRAM_DEVICE long long engram_quotient(long long a, long long b) {
    if (b == 0) return 0;
    if (b == -1) return (long long)(0ULL - (unsigned long long)a);
    return (a % b != 0 && (a < 0) != (b < 0)) ? a / b - 1 : a / b;
}
ENGRAM_DEVICE long long engram_remainder(long long a, long long b) {
    if (b == 0 || b == -1) return 0;
    return (a % b != 0 && (a < 0) != (b < 0)) ? a % b + b : a % b;
}
/* An index outside is moved to the nearest end of its axis. */
ENGRAM_DEVICE long long engram_within(long long index, long long size) {
    return index < 0 ? 0 : index < size ? index : size - 1;
}
ENGRAM_DEVICE long long engram_integer(double x) {
    int inside = x >= -9223372036854775808.0 && x < 9223372036854775808.0;
    return inside ? (long long)x : -9223372036854775807LL - 1;
}
"""

PHILOX = """\
/* Philox4x32-10, Salmon et al. 2011, doi:10.1145/2063384.2063405 */
ENGRAM_DEVICE void engram_philox(unsigned block, unsigned when, unsigned replica, unsigned stream,
                                 unsigned key0, unsigned key1,
                                 long long* w0, long long* w1, long long* w2, long long* w3) {
    unsigned c0 = block, c1 = when, c2 = replica, c3 = stream;
    for (int round = 0; round < 10; ++round) {
        unsigned long long p0 = 0xD2511F53ULL * c0, p1 = 0xCD9E8D57ULL * c2;
        c0 = (unsigned)(p1 >> 32) ^ c1 ^ key0;
        c1 = (unsigned)p1;
        c2 = (unsigned)(p0 >> 32) ^ c3 ^ key1;
        c3 = (unsigned)p0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    *w0 = c0;
    *w1 = c1;
    *w2 = c2;
    *w3 = c3;
}
"""

GRID = """\
#ifndef __CUDACC__
void {name}_grid({parameters}, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by) {{
    gridDim.x = gx; gridDim.y = gy; gridDim.z = gz; blockDim.x = bx; blockDim.y = by; blockDim.z = 1;
    for (blockIdx.z = 0; blockIdx.z < gz; ++blockIdx.z)
        for (blockIdx.y = 0; blockIdx.y < gy; ++blockIdx.y)
            for (blockIdx.x = 0; blockIdx.x < gx; ++blockIdx.x)
                for (threadIdx.y = 0; threadIdx.y < by; ++threadIdx.y)
                    for (threadIdx.x = 0; threadIdx.x < bx; ++threadIdx.x)
                        {name}({arguments});
}}
#endif
"""
"""The host plays the grid, one thread after another."""

NUMBA = """\
import numba
import numpy as np
from numba import carray

F = np.{float}
I = np.{bits}
jit = numba.njit(error_model="numpy", cache=True)


@jit
def view_bits(x):
    return F(x).view(I)


@jit
def view_float(i):
    return I(i).view(F)


@jit
def integer(x):
    inside = -9223372036854775808.0 <= x and x < 9223372036854775808.0
    return np.int64(x) if inside else np.int64(-9223372036854775807 - 1)


@jit
def within(index, size):
    return 0 if index < 0 else index if index < size else size - 1
"""

NUMBA_PHILOX = """\


@jit
def philox(block, when, replica, stream, key0, key1):
    low = np.uint64(0xFFFFFFFF)
    c0, c1, c2, c3 = np.uint64(block), np.uint64(when), np.uint64(replica), np.uint64(stream)
    k0, k1 = np.uint64(key0), np.uint64(key1)
    for _ in range(10):
        p0 = np.uint64(0xD2511F53) * c0
        p1 = np.uint64(0xCD9E8D57) * c2
        c0 = (p1 >> np.uint64(32)) ^ c1 ^ k0
        c1 = p1 & low
        c2 = (p0 >> np.uint64(32)) ^ c3 ^ k1
        c3 = p0 & low
        k0 = (k0 + np.uint64(0x9E3779B9)) & low
        k1 = (k1 + np.uint64(0xBB67AE85)) & low
    return np.int64(c0), np.int64(c1), np.int64(c2), np.int64(c3)
"""
