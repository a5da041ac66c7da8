// C[r] = A[r] B[r] for many small matrices: what a stack of small networks spends its time on.
//
// A general library arranges both factors for its kernel; at 32 x 32 that takes two thirds as long as the product. Here only B
// is arranged, in rows of whole vectors. A block of C, ROWS x VECTORS registers, stays in registers while A streams through.
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#ifdef __AVX512F__
constexpr int64_t LANES = 16, ROWS = 8, VECTORS = 2;    // the block takes 16 of 32 registers
#else
constexpr int64_t LANES = 8, ROWS = 4, VECTORS = 2;     // 8 of 16
#endif
typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

static inline void store(float* to, const Vector& from, int64_t width) {    // the first `width` lanes, if there are so many
#ifdef __AVX512F__
    _mm512_mask_storeu_ps(to, width >= LANES ? 0xffff : (1 << width) - 1, (__m512)from);
#else
    std::memcpy(to, &from, std::min(width, LANES) * sizeof(float));
#endif
}

struct Matrix {     // the element in row i and column j is data[i * row + j * column]
    const float* data;
    int64_t row, column;
};

// M rows and V vectors of columns of C, of which the first `width` columns exist. `b` has rows of `ldb` floats.
template <int64_t M, int64_t V>
static inline void block(Matrix a, const float* b, int64_t ldb, int64_t K, float* c, int64_t ldc, int64_t width) {
    Vector sum[M][V] = {};
    for (int64_t k = 0; k < K; k++)
        for (int64_t m = 0; m < M; m++)
            for (int64_t v = 0; v < V; v++)
                sum[m][v] += a.data[m * a.row + k * a.column] * *(const Vector*)(b + k * ldb + v * LANES);
    for (int64_t m = 0; m < M; m++)
        for (int64_t v = 0; v < V; v++) store(c + m * ldc + v * LANES, sum[m][v], width - v * LANES);
}

// All M rows of V vectors of columns.
template <int64_t V>
static void panel(Matrix a, const float* b, int64_t ldb, int64_t M, int64_t K, float* c, int64_t ldc, int64_t width) {
    int64_t m = 0;
    constexpr int64_t MANY = ROWS * VECTORS / V;
    for (; m + MANY <= M; m += MANY) block<MANY, V>({a.data + m * a.row, a.row, a.column}, b, ldb, K, c + m * ldc, ldc, width);
    for (; m < M; m++) block<1, V>({a.data + m * a.row, a.row, a.column}, b, ldb, K, c + m * ldc, ldc, width);
}

// Copy B (K x N) into rows of `ldb` floats; the columns from N on stay as they are.
static void arrange(Matrix b, int64_t K, int64_t N, float* to, int64_t ldb) {
    if (b.column == 1) {
        for (int64_t k = 0; k < K; k++) std::memcpy(to + k * ldb, b.data + k * b.row, N * sizeof(float));
        return;
    }
    constexpr int64_t TILE = 4;     // of a transposed B: small enough that a compiler keeps it in registers
    int64_t n = 0;
    for (; n + TILE <= N; n += TILE) {
        int64_t k = 0;
        for (; k + TILE <= K; k += TILE)
            for (int64_t i = 0; i < TILE; i++)
                for (int64_t j = 0; j < TILE; j++) to[(k + i) * ldb + n + j] = b.data[(k + i) * b.row + (n + j) * b.column];
        for (; k < K; k++)
            for (int64_t j = 0; j < TILE; j++) to[k * ldb + n + j] = b.data[k * b.row + (n + j) * b.column];
    }
    for (; n < N; n++)
        for (int64_t k = 0; k < K; k++) to[k * ldb + n] = b.data[k * b.row + n * b.column];
}

using torch::stable::Tensor;

static Tensor bmm(const Tensor& a, const Tensor& b) {
    const int64_t R = a.size(0), M = a.size(1), K = a.size(2), N = b.size(2), ldb = (N + LANES - 1) / LANES * LANES;
    Tensor c = torch::stable::new_empty(a, {R, M, N});
    std::vector<float> rows(K * ldb, 0.0f);
    for (int64_t r = 0; r < R; r++) {
        const Matrix left{(const float*)a.data_ptr() + r * a.stride(0), a.stride(1), a.stride(2)};
        const Matrix right{(const float*)b.data_ptr() + r * b.stride(0), b.stride(1), b.stride(2)};
        float* out = (float*)c.data_ptr() + r * M * N;
        arrange(right, K, N, rows.data(), ldb);
        for (int64_t n = 0; n < N; n += VECTORS * LANES) {
            const int64_t width = std::min(N - n, VECTORS * LANES);
            if (width > LANES) panel<VECTORS>(left, &rows[n], ldb, M, K, out + n, N, width);
            else panel<1>(left, &rows[n], ldb, M, K, out + n, N, width);
        }
    }
    return c;
}

STABLE_TORCH_LIBRARY(labs, library) { library.def("bmm(Tensor a, Tensor b) -> Tensor"); }
STABLE_TORCH_LIBRARY_IMPL(labs, CPU, library) { library.impl("bmm", TORCH_BOX(&bmm)); }
