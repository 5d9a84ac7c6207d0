#include "hdlmm/simd/chase_kernels.hpp"

#include <cmath>

#include "hdlmm/base/moderate_scale.hpp"
#include "hdlmm/simd/vector_packs.hpp"

namespace hdlmm {

namespace {

using vector_packs::dot;
using vector_packs::kPortableWidth;
using vector_packs::lane_sum;
using vector_packs::pack;
using vector_packs::Pack;
using vector_packs::unroll;

/// Columns taken together: each vector of v, D or B that is loaded serves them all.
template <int W>
constexpr int kGroup = W < 4 ? 4 : W;

template <int N>
struct LowerMasks {
  double strict[N][N] = {};     ///< strict[c][i] = 1 where i > c
  double inclusive[N][N] = {};  ///< and where i >= c
  constexpr LowerMasks() {
    for (int c = 0; c < N; ++c) {
      for (int i = c; i < N; ++i) {
        inclusive[c][i] = 1;
        strict[c][i] = i > c ? 1 : 0;
      }
    }
  }
};

template <int N>
constexpr LowerMasks<N> kLowerMasks{};

/// q [2 b] = [D; B] v, with D's upper triangle by symmetry.
template <int W>
[[gnu::always_inline]] inline void multiply_block(const ChaseStep& step, const double* v,
                                                  double* q) {
  using V = typename Pack<W>::type;
  constexpr int G = kGroup<W>;
  const Index b = step.width;
  for (Index i = 0; i < 2 * b; i += W) pack<W>(q + i) = V{};
  for (Index j = 0; j < b; j += G) {
    const double* column = step.block + j * step.stride;
    V dots[G];
    double vj[G];
    unroll<G>([&](auto c) __attribute__((always_inline)) {
      dots[c] = V{};
      vj[c] = v[j + c];
    });
    for (Index i = 0; i < G; i += W) {
      const V vi = pack<W>(v + j + i);
      V qi = pack<W>(q + j + i);
      unroll<G>([&](auto c) __attribute__((always_inline)) {
        const V a =
            pack<W>(column + c * step.stride + j + i) * pack<W>(kLowerMasks<G>.strict[c] + i);
        qi += a * vj[c];
        dots[c] += a * vi;
      });
      pack<W>(q + j + i) = qi;
    }
    for (Index i = j + G; i < b; i += W) {
      const V vi = pack<W>(v + i);
      V qi = pack<W>(q + i);
      unroll<G>([&](auto c) __attribute__((always_inline)) {
        const V a = pack<W>(column + c * step.stride + i);
        qi += a * vj[c];
        dots[c] += a * vi;
      });
      pack<W>(q + i) = qi;
    }
    for (Index i = b; i < 2 * b; i += W) {
      V qi = pack<W>(q + i);
      unroll<G>([&](auto c) __attribute__((always_inline)) {
        qi += pack<W>(column + c * step.stride + i) * vj[c];
      });
      pack<W>(q + i) = qi;
    }
    unroll<G>([&](auto c) __attribute__((always_inline)) {
      q[j + c] += column[c * step.stride + j + c] * vj[c] + lane_sum<W>(dots[c]);
    });
  }
}

/// z [b] = B' x.
template <int W>
[[gnu::always_inline]] inline void multiply_transposed(const ChaseStep& step, const double* x,
                                                       double* z) {
  using V = typename Pack<W>::type;
  constexpr int G = kGroup<W>;
  const Index b = step.width;
  for (Index j = 0; j < b; j += G) {
    const double* column = step.block + j * step.stride + b;
    V dots[G];
    unroll<G>([&](auto c) __attribute__((always_inline)) { dots[c] = V{}; });
    for (Index i = 0; i < b; i += W) {
      const V xi = pack<W>(x + i);
      unroll<G>([&](auto c) __attribute__((always_inline)) {
        dots[c] += pack<W>(column + c * step.stride + i) * xi;
      });
    }
    unroll<G>([&](auto c) __attribute__((always_inline)) { z[j + c] = lane_sum<W>(dots[c]); });
  }
}

/// D -= v w' + w v' (lower triangle), B -= x z' + u v'.
template <int W>
[[gnu::always_inline]] inline void update_block(const ChaseStep& step, const double* v,
                                                const double* w, const double* u, const double* x,
                                                const double* z) {
  using V = typename Pack<W>::type;
  constexpr int G = kGroup<W>;
  const Index b = step.width;
  for (Index j = 0; j < b; j += G) {
    double* column = step.block + j * step.stride;
    double vj[G], wj[G], zj[G];
    unroll<G>([&](auto c) __attribute__((always_inline)) {
      vj[c] = v[j + c];
      wj[c] = w[j + c];
      zj[c] = z[j + c];
    });
    for (Index i = 0; i < G; i += W) {
      const V vi = pack<W>(v + j + i), wi = pack<W>(w + j + i);
      unroll<G>([&](auto c) __attribute__((always_inline)) {
        // the masked rows lie in the tail of the column before, which this step owns as well
        pack<W>(column + c * step.stride + j + i) -=
            pack<W>(kLowerMasks<G>.inclusive[c] + i) * (vi * wj[c] + wi * vj[c]);
      });
    }
    for (Index i = j + G; i < b; i += W) {
      const V vi = pack<W>(v + i), wi = pack<W>(w + i);
      unroll<G>([&](auto c) __attribute__((always_inline)) {
        V& a = pack<W>(column + c * step.stride + i);
        a = a - vi * wj[c] - wi * vj[c];
      });
    }
    for (Index i = 0; i < b; i += W) {
      const V ui = pack<W>(u + i), xi = pack<W>(x + i);
      unroll<G>([&](auto c) __attribute__((always_inline)) {
        V& a = pack<W>(column + c * step.stride + b + i);
        a = a - xi * zj[c] - ui * vj[c];
      });
    }
  }
}

/// F' <- F' (I - tau v v').
template <int W>
[[gnu::always_inline]] inline void rotate_rows(const ChaseStep& step, double tau, const double* v) {
  using V = typename Pack<W>::type;
  const Index k = step.n_rotated;
  for (Index r = 0; r < k; r += W) {
    double* f = step.rotated + r;
    V sum[4] = {V{}, V{}, V{}, V{}};
    for (Index j = 0; j < step.width; j += 4) {
      unroll<4>([&](auto c) __attribute__((always_inline)) {
        sum[c] += pack<W>(f + (j + c) * k) * v[j + c];
      });
    }
    const V scaled = tau * ((sum[0] + sum[1]) + (sum[2] + sum[3]));
    for (Index j = 0; j < step.width; j += 4) {
      unroll<4>([&](auto c) __attribute__((always_inline)) {
        pack<W>(f + (j + c) * k) -= scaled * v[j + c];
      });
    }
  }
}

/// H x = beta e_1 for x [n], H = I - tau v v', v_1 = 1; v replaces x. Returns beta.
/// The matrix must be of moderate scale.
template <int W>
[[gnu::always_inline]] inline double make_reflector(double* x, Index n, double& tau) {
  const double alpha = x[0];
  x[0] = 0;
  const double tail2 = dot<W>(x, x, n);
  x[0] = 1;
  tau = 0;
  if (tail2 < kNegligibleSquare) {
    for (Index i = 1; i < n; ++i) x[i] = 0;
    return alpha;
  }
  const double length = std::sqrt(alpha * alpha + tail2);
  const double beta = alpha > 0 ? -length : length;
  tau = (beta - alpha) / beta;
  const double scale = 1 / (alpha - beta);
  for (Index i = 0; i < n; i += W) pack<W>(x + i) *= scale;
  x[0] = 1;
  return beta;
}

template <int W>
[[gnu::always_inline]] inline void chase(const ChaseStep& step) {
  using V = typename Pack<W>::type;
  const Index b = step.width;
  double* v = step.reflector + 1;
  double* q = step.scratch;
  double *u = q + b, *x = q + 2 * b, *z = q + 3 * b;
  const double tau = step.reflector[0];
  rotate_rows<W>(step, tau, v);

  multiply_block<W>(step, v, q);  // q = D v, u = B v
  const double half = 0.5 * tau * tau * dot<W>(q, v, b);
  for (Index i = 0; i < b; i += W) {
    pack<W>(q + i) = tau * pack<W>(q + i) - half * pack<W>(v + i);
    const V ui = tau * pack<W>(u + i);
    pack<W>(u + i) = ui;
    pack<W>(x + i) = pack<W>(step.block + b + i) - ui;  // first column of B H, as v_1 = 1
  }
  double next_tau = 0;
  const double beta = make_reflector<W>(x, b, next_tau);
  multiply_transposed<W>(step, x, z);
  const double along = dot<W>(x, u, b);
  for (Index i = 0; i < b; i += W) {
    pack<W>(z + i) = next_tau * (pack<W>(z + i) - along * pack<W>(v + i));
  }
  update_block<W>(step, v, q, u, x, z);
  for (Index i = 0; i < b; i += W) {
    pack<W>(step.block + b + i) = V{};
    pack<W>(v + i) = pack<W>(x + i);
  }
  step.block[b] = beta;
  step.reflector[0] = next_tau;
}

inline void chase_portable(const ChaseStep& step) { chase<kPortableWidth>(step); }

#if defined(__x86_64__) && defined(__GNUC__)
[[gnu::target("avx2,fma")]] inline void chase_avx2(const ChaseStep& step) { chase<4>(step); }
[[gnu::target("avx512f")]] inline void chase_avx512(const ChaseStep& step) { chase<8>(step); }
#endif

}  // namespace

double make_chase_reflector(double* x, Index n, double& tau) {
  return make_reflector<kPortableWidth>(x, n, tau);
}

ChaseKernel chase_kernel(KernelLevel level) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (usable(level) == KernelLevel::avx512) return chase_avx512;
  if (usable(level) == KernelLevel::avx2) return chase_avx2;
#endif
  (void)level;
  return chase_portable;
}

}  // namespace hdlmm
