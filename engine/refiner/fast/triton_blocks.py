"""The refiner's blocks as Triton kernels: a tile of poses stays on the chip through a whole block.

A tile holds P poses, one node a row, in M rows (a power of two; the rest are empty). The channels, 96 being no power of two, are held in
two parts of A and B. Poses of one tile do not meet: attention masks other poses' nodes, and matrices over the nodes are block-diagonal, one
block a pose. Empty rows hold zeros, and what they give is never stored. A pose that is not a number spoils only its own tile.

Every operand of a matrix product is brought to DTYPE; sums, norms, softmax and the residual stream stay in float32. PRECISION is Triton's
`input_precision` for float32 operands. BITS is for tests on the CPU: Triton's interpreter multiplies in float32, so an operand's lowest
BITS bits are rounded away to give the answers of bfloat16 (16), or cut as TF32 does (13).
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _operand(x: tl.tensor, DTYPE: tl.constexpr, BITS: tl.constexpr) -> tl.tensor:
    """`x` as an operand of a product."""
    if BITS > 0:
        bits = x.to(tl.int32, bitcast=True)
        if BITS == 16:
            bits = bits + 0x7FFF + ((bits >> 16) & 1)
        x = ((bits >> BITS) << BITS).to(tl.float32, bitcast=True)
    return x.to(DTYPE)


@triton.jit
def _norm(
    xa: tl.tensor, xb: tl.tensor, gain: tl.tensor, shift: tl.tensor, A: tl.constexpr, B: tl.constexpr, EXACT: tl.constexpr,
) -> tl.tensor:  # fmt: skip
    """attention.LayerNorm of rows in two parts: (M,A) and (M,B)."""
    a, b = tl.arange(0, A), A + tl.arange(0, B)
    mean = (tl.sum(xa, 1) + tl.sum(xb, 1)) / (A + B)
    xa, xb = xa - mean[:, None], xb - mean[:, None]
    variance = (tl.sum(xa * xa, 1) + tl.sum(xb * xb, 1)) / (A + B - 1)
    scale = 1.0 / (tl.sqrt(variance) + 1e-6) if EXACT else 1.0 / tl.sqrt(variance + 1e-12)
    ya = xa * scale[:, None] * tl.load(gain + a)[None, :] + tl.load(shift + a)[None, :]
    yb = xb * scale[:, None] * tl.load(gain + b)[None, :] + tl.load(shift + b)[None, :]
    return ya, yb


@triton.jit
def attention(
    x_ptr: tl.tensor, y_ptr: tl.tensor, matrix_ptr: tl.tensor, vector_ptr: tl.tensor, mixing_ptr: tl.tensor,
    rows: tl.tensor, branch_stride: tl.tensor, matrix_stride: tl.tensor, vector_stride: tl.tensor, mixing_stride: tl.tensor,
    N: tl.constexpr, P: tl.constexpr, M: tl.constexpr, A: tl.constexpr, B: tl.constexpr, HEADS: tl.constexpr, D: tl.constexpr,
    EXACT: tl.constexpr, DTYPE: tl.constexpr, PRECISION: tl.constexpr, BITS: tl.constexpr,
) -> None:  # fmt: skip
    """attention.GraphAttention. Grid: (tiles, branches). x, y: (branches, rows, C) float32; the layouts are packing.attention's."""
    C: tl.constexpr = A + B
    U: tl.constexpr = 2 * B  # channels of the wide layer held at once
    branch = tl.program_id(1)
    first = tl.program_id(0) * (P * N)
    r = tl.arange(0, M)
    a, b, d, u = tl.arange(0, A), A + tl.arange(0, B), tl.arange(0, D), tl.arange(0, U)
    live = ((r < P * N) & (first + r < rows))[:, None]
    at = (first + r)[:, None] * C
    x_ptr += branch * branch_stride
    y_ptr += branch * branch_stride
    matrix_ptr += branch * matrix_stride
    vector_ptr += branch * vector_stride

    xa = tl.load(x_ptr + at + a[None, :], mask=live, other=0.0)
    xb = tl.load(x_ptr + at + b[None, :], mask=live, other=0.0)
    na, nb = _norm(xa, xb, vector_ptr, vector_ptr + C, A, B, EXACT)
    na, nb = _operand(na, DTYPE, BITS), _operand(nb, DTYPE, BITS)
    vector_ptr += 2 * C
    same = (r // N)[:, None] == (r // N)[None, :]
    oa, ob = tl.zeros((M, A), tl.float32), tl.zeros((M, B), tl.float32)
    for head in range(HEADS):
        w = matrix_ptr + head * 4 * C * D
        q = tl.dot(na, tl.load(w + a[:, None] * D + d[None, :]), input_precision=PRECISION)
        q = tl.dot(nb, tl.load(w + b[:, None] * D + d[None, :]), q, input_precision=PRECISION)
        q = _operand(q + tl.load(vector_ptr + head * D + d)[None, :], DTYPE, BITS)
        w += C * D
        k = tl.dot(na, tl.load(w + a[:, None] * D + d[None, :]), input_precision=PRECISION)
        k = tl.dot(nb, tl.load(w + b[:, None] * D + d[None, :]), k, input_precision=PRECISION)
        scores = tl.dot(q, tl.trans(_operand(k, DTYPE, BITS)), input_precision=PRECISION)
        scores = tl.where(same, scores, float("-inf"))
        weights = tl.exp2(scores - tl.max(scores, 1)[:, None])
        total = tl.sum(weights, 1)
        w += C * D
        v = tl.dot(na, tl.load(w + a[:, None] * D + d[None, :]), input_precision=PRECISION)
        v = tl.dot(nb, tl.load(w + b[:, None] * D + d[None, :]), v, input_precision=PRECISION)
        mixed = tl.dot(_operand(weights, DTYPE, BITS), _operand(v, DTYPE, BITS), input_precision=PRECISION)
        mixed = _operand(mixed / total[:, None], DTYPE, BITS)
        w += C * D
        oa = tl.dot(mixed, tl.load(w + d[:, None] * C + a[None, :]), oa, input_precision=PRECISION)
        ob = tl.dot(mixed, tl.load(w + d[:, None] * C + b[None, :]), ob, input_precision=PRECISION)
    vector_ptr += HEADS * D
    matrix_ptr += HEADS * 4 * C * D
    # Read again rather than kept: the registers are needed for the scores.
    xa = tl.load(x_ptr + at + a[None, :], mask=live, other=0.0) + oa + tl.load(vector_ptr + a)[None, :]
    xb = tl.load(x_ptr + at + b[None, :], mask=live, other=0.0) + ob + tl.load(vector_ptr + b)[None, :]
    vector_ptr += C
    na, nb = _norm(xa, xb, vector_ptr, vector_ptr + C, A, B, EXACT)
    vector_ptr += 2 * C
    mixing = tl.load(mixing_ptr + branch * mixing_stride + r[:, None] * M + r[None, :])
    na = _operand(tl.dot(mixing, _operand(na, DTYPE, BITS), input_precision=PRECISION), DTYPE, BITS)
    nb = _operand(tl.dot(mixing, _operand(nb, DTYPE, BITS), input_precision=PRECISION), DTYPE, BITS)
    oa, ob = tl.zeros((M, A), tl.float32), tl.zeros((M, B), tl.float32)
    for part in range(2 * C // U):
        w = matrix_ptr + part * U
        hidden = tl.dot(na, tl.load(w + a[:, None] * (2 * C) + u[None, :]), input_precision=PRECISION)
        hidden = tl.dot(nb, tl.load(w + b[:, None] * (2 * C) + u[None, :]), hidden, input_precision=PRECISION)
        hidden = _operand(tl.maximum(hidden + tl.load(vector_ptr + part * U + u)[None, :], 0.0), DTYPE, BITS)
        w = matrix_ptr + 2 * C * C + part * U * C
        oa = tl.dot(hidden, tl.load(w + u[:, None] * C + a[None, :]), oa, input_precision=PRECISION)
        ob = tl.dot(hidden, tl.load(w + u[:, None] * C + b[None, :]), ob, input_precision=PRECISION)
    vector_ptr += 2 * C
    xa += tl.dot(mixing, _operand(oa, DTYPE, BITS), input_precision=PRECISION) + tl.load(vector_ptr + a)[None, :]
    xb += tl.dot(mixing, _operand(ob, DTYPE, BITS), input_precision=PRECISION) + tl.load(vector_ptr + b)[None, :]
    tl.store(y_ptr + at + a[None, :], xa, mask=live)
    tl.store(y_ptr + at + b[None, :], xb, mask=live)


@triton.jit
def _chebyshev(
    xa: tl.tensor, xb: tl.tensor, w: tl.tensor, mixing_ptr: tl.tensor, M: tl.constexpr, A: tl.constexpr, B: tl.constexpr,
    DTYPE: tl.constexpr, PRECISION: tl.constexpr, BITS: tl.constexpr,
) -> tl.tensor:  # fmt: skip
    """chebyshev.ChebConv without its bias, order 2: the nodes are mixed first, then each term is multiplied by its weights."""
    C: tl.constexpr = A + B
    r, a, b = tl.arange(0, M), tl.arange(0, A), A + tl.arange(0, B)
    xa, xb = _operand(xa, DTYPE, BITS), _operand(xb, DTYPE, BITS)
    ya = tl.dot(xa, tl.load(w + a[:, None] * C + a[None, :]), input_precision=PRECISION)
    ya = tl.dot(xb, tl.load(w + b[:, None] * C + a[None, :]), ya, input_precision=PRECISION)
    yb = tl.dot(xa, tl.load(w + a[:, None] * C + b[None, :]), input_precision=PRECISION)
    yb = tl.dot(xb, tl.load(w + b[:, None] * C + b[None, :]), yb, input_precision=PRECISION)
    for term in range(2):
        w += C * C
        mixing = tl.load(mixing_ptr + term * M * M + r[:, None] * M + r[None, :])
        ma = _operand(tl.dot(mixing, xa, input_precision=PRECISION), DTYPE, BITS)
        mb = _operand(tl.dot(mixing, xb, input_precision=PRECISION), DTYPE, BITS)
        ya = tl.dot(ma, tl.load(w + a[:, None] * C + a[None, :]), ya, input_precision=PRECISION)
        ya = tl.dot(mb, tl.load(w + b[:, None] * C + a[None, :]), ya, input_precision=PRECISION)
        yb = tl.dot(ma, tl.load(w + a[:, None] * C + b[None, :]), yb, input_precision=PRECISION)
        yb = tl.dot(mb, tl.load(w + b[:, None] * C + b[None, :]), yb, input_precision=PRECISION)
    return ya, yb


@triton.jit
def convolution(
    x_ptr: tl.tensor, y_ptr: tl.tensor, matrix_ptr: tl.tensor, vector_ptr: tl.tensor, mixing_ptr: tl.tensor, time_ptr: tl.tensor,
    rows: tl.tensor, branch_stride: tl.tensor, matrix_stride: tl.tensor, vector_stride: tl.tensor, time_stride: tl.tensor,
    time_pose_stride: tl.tensor,
    N: tl.constexpr, P: tl.constexpr, M: tl.constexpr, A: tl.constexpr, B: tl.constexpr,
    DTYPE: tl.constexpr, PRECISION: tl.constexpr, BITS: tl.constexpr,
) -> None:  # fmt: skip
    """The two branches added to one another, then chebyshev.TimedResidual. Grid: (tiles, branches). Layouts: packing.convolution's.

    Branch 0 takes out + guide, branch 1 out + 2 guide. time: a vector of C for each branch, `time_pose_stride` apart from pose to pose
    (0: the same for all).
    """
    C: tl.constexpr = A + B
    branch = tl.program_id(1)
    first = tl.program_id(0) * (P * N)
    r = tl.arange(0, M)
    a, b = tl.arange(0, A), A + tl.arange(0, B)
    live = ((r < P * N) & (first + r < rows))[:, None]
    at = (first + r)[:, None] * C
    share = 1.0 + branch
    x_guide = x_ptr + branch_stride
    xa = tl.load(x_ptr + at + a[None, :], mask=live, other=0.0) + share * tl.load(x_guide + at + a[None, :], mask=live, other=0.0)
    xb = tl.load(x_ptr + at + b[None, :], mask=live, other=0.0) + share * tl.load(x_guide + at + b[None, :], mask=live, other=0.0)
    matrix_ptr += branch * matrix_stride
    vector_ptr += branch * vector_stride
    time_ptr += branch * time_stride
    ha, hb = _chebyshev(xa, xb, matrix_ptr, mixing_ptr, M, A, B, DTYPE, PRECISION, BITS)
    when = ((first + r) // N)[:, None] * time_pose_stride
    ha = tl.maximum(ha + tl.load(vector_ptr + a)[None, :], 0.0) + tl.load(time_ptr + when + a[None, :], mask=live, other=0.0)
    hb = tl.maximum(hb + tl.load(vector_ptr + b)[None, :], 0.0) + tl.load(time_ptr + when + b[None, :], mask=live, other=0.0)
    ha, hb = _chebyshev(ha, hb, matrix_ptr + 3 * C * C, mixing_ptr, M, A, B, DTYPE, PRECISION, BITS)
    xa += tl.maximum(ha + tl.load(vector_ptr + C + a)[None, :], 0.0)
    xb += tl.maximum(hb + tl.load(vector_ptr + C + b)[None, :], 0.0)
    y_ptr += branch * branch_stride
    tl.store(y_ptr + at + a[None, :], xa, mask=live)
    tl.store(y_ptr + at + b[None, :], xb, mask=live)


@triton.jit
def embed(
    s_ptr: tl.tensor, guide_ptr: tl.tensor, y_ptr: tl.tensor, spread_ptr: tl.tensor, weight_ptr: tl.tensor, bias_ptr: tl.tensor,
    poses: tl.tensor, branch_stride: tl.tensor,
    J: tl.constexpr, CHANNELS: tl.constexpr, TERMS: tl.constexpr, GUIDED: tl.constexpr,
    N: tl.constexpr, P: tl.constexpr, M: tl.constexpr, S: tl.constexpr, A: tl.constexpr, B: tl.constexpr,
    PRECISION: tl.constexpr,
) -> None:  # fmt: skip
    """sum_i (spread_i s) weight_i + bias, all of float32: joints (poses, J, CHANNELS) to nodes (poses, N, C). Grid: (tiles,).

    With GUIDED the guide (poses, N, C) is added, and copied to the other branch: the start of a step.
    """
    C: tl.constexpr = A + B
    tile = tl.program_id(0)
    first = tile * (P * N)
    r, s, c = tl.arange(0, M), tl.arange(0, S), tl.arange(0, 16)
    a, b = tl.arange(0, A), A + tl.arange(0, B)
    joint = tile * (P * J) + s
    known = ((s < P * J) & (joint < poses * J))[:, None] & (c < CHANNELS)[None, :]
    state = tl.load(s_ptr + joint[:, None] * CHANNELS + c[None, :], mask=known, other=0.0)
    node = (r % N)[:, None] * C
    ya, yb = tl.load(bias_ptr + node + a[None, :]), tl.load(bias_ptr + node + b[None, :])
    for term in range(TERMS):
        spread = tl.load(spread_ptr + term * M * S + r[:, None] * S + s[None, :])
        mixed = tl.dot(spread, state, input_precision=PRECISION)
        w = weight_ptr + term * 16 * C + c[:, None] * C
        ya = tl.dot(mixed, tl.load(w + a[None, :]), ya, input_precision=PRECISION)
        yb = tl.dot(mixed, tl.load(w + b[None, :]), yb, input_precision=PRECISION)
    live = ((r < P * N) & (first + r < poses * N))[:, None]
    at = (first + r)[:, None] * C
    if GUIDED:
        ga = tl.load(guide_ptr + at + a[None, :], mask=live, other=0.0)
        gb = tl.load(guide_ptr + at + b[None, :], mask=live, other=0.0)
        tl.store(y_ptr + branch_stride + at + a[None, :], ga, mask=live)
        tl.store(y_ptr + branch_stride + at + b[None, :], gb, mask=live)
        ya += ga
        yb += gb
    tl.store(y_ptr + at + a[None, :], ya, mask=live)
    tl.store(y_ptr + at + b[None, :], yb, mask=live)


@triton.jit
def readout(
    x_ptr: tl.tensor, s_ptr: tl.tensor, y_ptr: tl.tensor, gather_ptr: tl.tensor, weight_ptr: tl.tensor, bias_ptr: tl.tensor,
    poses: tl.tensor, of_state: tl.tensor, of_noise: tl.tensor,
    J: tl.constexpr, CHANNELS: tl.constexpr, TERMS: tl.constexpr,
    N: tl.constexpr, P: tl.constexpr, M: tl.constexpr, S: tl.constexpr, A: tl.constexpr, B: tl.constexpr,
    PRECISION: tl.constexpr, BITS: tl.constexpr,
) -> None:  # fmt: skip
    """noise = sum_i gather_i (x weight_i) + bias, nodes (poses, N, C) to joints, then y = of_state s + of_noise noise: a DDIM step.

    Grid: (tiles,). s, y: (poses, J, CHANNELS), of float32; they may be the same memory.
    """
    C: tl.constexpr = A + B
    tile = tl.program_id(0)
    first = tile * (P * N)
    r, s, c = tl.arange(0, M), tl.arange(0, S), tl.arange(0, 16)
    a, b = tl.arange(0, A), A + tl.arange(0, B)
    live = ((r < P * N) & (first + r < poses * N))[:, None]
    at = (first + r)[:, None] * C
    xa = _operand(tl.load(x_ptr + at + a[None, :], mask=live, other=0.0), tl.float32, BITS)
    xb = _operand(tl.load(x_ptr + at + b[None, :], mask=live, other=0.0), tl.float32, BITS)
    noise = tl.zeros((S, 16), tl.float32) + tl.load(bias_ptr + c)[None, :]
    for term in range(TERMS):
        w = weight_ptr + term * C * 16 + c[None, :]
        narrow = tl.dot(xa, tl.load(w + a[:, None] * 16), input_precision=PRECISION)
        narrow = tl.dot(xb, tl.load(w + b[:, None] * 16), narrow, input_precision=PRECISION)
        gather = tl.load(gather_ptr + term * S * M + s[:, None] * M + r[None, :])
        noise = tl.dot(gather, _operand(narrow, tl.float32, BITS), noise, input_precision=PRECISION)
    joint = tile * (P * J) + s
    known = ((s < P * J) & (joint < poses * J))[:, None] & (c < CHANNELS)[None, :]
    where = joint[:, None] * CHANNELS + c[None, :]
    state = tl.load(s_ptr + where, mask=known, other=0.0)
    # A coefficient of 0 stands for the noise itself; the state is finite, as everything here must be.
    tl.store(y_ptr + where, of_state * state + of_noise * noise, mask=known)
