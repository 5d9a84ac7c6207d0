#include "hdlmm/linalg/tridiagonal_spectrum.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <utility>
#include <vector>

#include "hdlmm/base/moderate_scale.hpp"
#include "hdlmm/base/parallel.hpp"
#include "hdlmm/linalg/largest_entry.hpp"
#include "hdlmm/simd/rotation_kernels.hpp"
#include "hdlmm/simd/vector_packs.hpp"

namespace hdlmm {

namespace {

// Bulges under way at once. Measured at n = 4000, without the window of leading_values():
// 0.37 s (1), 0.23 (2), 0.17 (3), 0.15 (4 and 6).
constexpr int kShifts = 4;

constexpr Index kMultishiftSize = 32;  // smaller blocks take one at a time

// What is kept between two applications: an eighth of all, which is as much as memory costs little
// for when the matrix is small, and 2 MB.
constexpr Index kLeastBatch = 1 << 12, kLargestBatch = 1 << 17;

constexpr Index kMaxSweepsPerValue = 60;

/// A tridiagonal block with the end that is to be split off at i = 0.
struct Block {
  double* d;
  double* e;
  Index near;  ///< where i = 0 lies
  Index step;  ///< 1 or -1
  Index size;

  double& diagonal(Index i) const { return d[near + step * i]; }
  /// Between i and i + 1.
  double& beside(Index i) const { return e[step > 0 ? near + i : near - i - 1]; }
};

/// One implicit QL sweep on its way from i = size - 2 down to 0 (as in Martin & Wilkinson 1968,
/// Numer. Math. 12, and LAPACK's dsteqr).
struct Bulge {
  double g, c = 1, s = 1, p = 0;
  Rotation* out;

  /// One rotation, of rows i and i + 1: the matrix holds `diagonal` and `beside` at i, and `next`
  /// on the diagonal at i + 1. Returns what comes beside row i + 1. The square root and the
  /// division do not wait for each other.
  [[gnu::always_inline]] inline double turn(double diagonal, double beside, double& next) {
    const double f = s * beside, b = c * beside;
    const double length2 = f * f + g * g;
    const double length = std::sqrt(length2), inverse = length * (1 / length2);
    const bool regular = length2 > kNegligibleSquare;  // else any rotation will do
    c = regular ? g * inverse : 1;
    s = regular ? f * inverse : 0;
    g = next - p;
    const double r = (diagonal - g) * s + 2 * c * b;
    p = s * r;
    next = g + p;
    g = c * r - b;
    *out++ = {c, s};
    return length;
  }

  void advance(const Block& block, Index i) {
    const double length = turn(block.diagonal(i), block.beside(i), block.diagonal(i + 1));
    if (i < block.size - 2) block.beside(i + 1) = length;
    if (i == 0) {
      block.diagonal(0) -= p;
      block.beside(0) = g;
    }
  }
};

/// The way of kCount bulges from row `begin` of the last one down to row `end`, all of them inside.
template <int kCount, int kStep>
void chase_inside(const Block& block, Index begin, Index end, std::array<Bulge, kCount>& bulges) {
  std::array<Bulge, kCount> own = bulges;  // in registers
  double* d = block.d + block.near + kStep * begin;
  double* e = block.e + block.near + kStep * begin - (kStep > 0 ? 0 : 1);
  for (Index t = begin; t >= end; --t, d -= kStep, e -= kStep) {
    vector_packs::unroll<kCount>([&](auto q) __attribute__((always_inline)) {
      constexpr int kAt = 2 * decltype(q)::value * kStep;
      e[kAt + kStep] = own[q].turn(d[kAt], e[kAt], d[kAt + kStep]);
    });
  }
  bulges = own;
}

/// kCount sweeps, each two rows behind the one before it: the chains of square roots and divisions
/// overlap, which makes a sweep two to three times as fast.
template <int kCount>
void chase_bulges(const Block& block, const std::array<double, kShifts>& shifts,
                  RotationBatch& batch) {
  const Index top = block.size - 2;
  const Index far = block.near + block.step * (block.size - 1);
  std::array<Bulge, kCount> bulges;
  for (Bulge& bulge : bulges) bulge.out = batch.add_sweep(far, block.step, block.size - 1);
  const auto advance_all = [&](Index t) {
    for (int q = 0; q < kCount; ++q) {
      const Index i = t + 2 * q;
      if (i < 0 || i > top) continue;
      if (i == top) bulges[q].g = block.diagonal(top + 1) - shifts[q];
      bulges[q].advance(block, i);
    }
  };
  Index t = top;
  for (; t >= std::max<Index>(1, top - 2 * (kCount - 1)); --t) advance_all(t);
  if (t >= 1) {
    if (block.step > 0) {
      chase_inside<kCount, 1>(block, t, 1, bulges);
    } else {
      chase_inside<kCount, -1>(block, t, 1, bulges);
    }
    t = 0;
  }
  for (; t >= -2 * (kCount - 1); --t) advance_all(t);
}

/// A batch applied to one row of F'.
void turn_row(const RotationBatch& batch, Vector& row) {
  for (const RotationSweep& sweep : batch.sweeps()) {
    Index far = sweep.start;
    for (Index i = 0; i < sweep.count; ++i, far -= sweep.step) {
      const Rotation& rotation = batch.rotations()[sweep.first + i];
      const double near_cell = row[far - sweep.step], far_cell = row[far];
      row[far] = rotation.sine * near_cell + rotation.cosine * far_cell;
      row[far - sweep.step] = rotation.cosine * near_cell - rotation.sine * far_cell;
    }
  }
}

/// Implicit QL on a symmetric tridiagonal matrix that records its rotations.
class QlIteration {
 public:
  QlIteration(Vector& d, Vector& e)
      : d_(d),
        e_(e),
        end_(d.size() - 1),
        sweeps_left_(kMaxSweepsPerValue * d.size()),
        negligible_(kEps / 4 * std::max(largest_entry(d), largest_entry(e))) {}

  bool is_done() const { return end_ <= 0; }
  double fraction() const { return 1 - square(static_cast<double>(end_) / d_.size()); }

  /// Sweeps until the batch is full or all is diagonal. Throws std::runtime_error.
  void fill(RotationBatch& batch) {
    batch.clear();
    while (!is_done() && !batch.is_full()) {
      if (splits_before(end_)) {
        --end_;
        continue;
      }
      Index begin = end_ - 1;
      while (begin > 0 && !splits_before(begin)) --begin;
      sweep(begin, batch);
    }
  }

 private:
  static constexpr double kEps = std::numeric_limits<double>::epsilon();
  static double square(double x) { return x * x; }

  /// Whether e between i - 1 and i is nothing beside its neighbours or the whole matrix.
  bool splits_before(Index i) {
    const double size = std::abs(e_[i - 1]);
    if (size > negligible_ &&
        size * size > (kEps * std::abs(d_[i])) * (kEps * std::abs(d_[i - 1]))) {
      return false;
    }
    e_[i - 1] = 0;
    return true;
  }

  void sweep(Index begin, RotationBatch& batch) {
    const bool from_begin = std::abs(d_[begin]) < std::abs(d_[end_]);
    const Block block{d_.data(), e_.data(), from_begin ? begin : end_, from_begin ? 1 : -1,
                      end_ - begin + 1};
    const int count = block.size < kMultishiftSize ? 1 : kShifts;
    sweeps_left_ -= count;
    if (sweeps_left_ < 0) throw std::runtime_error("the symmetric eigensolver did not converge");
    if (count == 1) {
      chase_bulges<1>(block, {wilkinson_shift(block)}, batch);
    } else {
      chase_bulges<kShifts>(block, leading_values(block), batch);
    }
  }

  /// The eigenvalue of the 2 x 2 block at i = 0 that is closer to its corner.
  static double wilkinson_shift(const Block& block) {
    const double e = block.beside(0);
    const double half = (block.diagonal(1) - block.diagonal(0)) / (2 * e);
    const double root = std::sqrt(half * half + 1);
    return block.diagonal(0) - e / (half + std::copysign(root, half));
  }

  /// Of the eigenvalues of the block's first rows those kShifts whose vectors reach least beyond:
  /// they are nearest to eigenvalues of the whole.
  static std::array<double, kShifts> leading_values(const Block& block) {
    const Index m = window(block.size);
    Vector d(m), e(m - 1), reach = Vector::Unit(m, m - 1);
    for (Index i = 0; i < m; ++i) d[i] = block.diagonal(i);
    for (Index i = 0; i + 1 < m; ++i) e[i] = block.beside(i);
    RotationBatch batch(m, m);
    QlIteration corner(d, e);
    while (!corner.is_done()) {
      corner.fill(batch);
      turn_row(batch, reach);
    }
    std::vector<Index> order(static_cast<std::size_t>(m));
    std::iota(order.begin(), order.end(), Index{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](Index a, Index b) { return std::abs(reach[a]) < std::abs(reach[b]); });
    std::array<double, kShifts> shifts;
    for (std::size_t q = 0; q < kShifts; ++q) shifts[q] = d[order[q]];
    return shifts;
  }

  /// Rows that shifts are taken from. Rotations at n = 200: 53000 (4), 47000 (5), 42000 (8), where
  /// the values of 8 rows cost what they save; n = 2000: 4.6 (4), 4.0 (6), 3.7 million (8).
  static Index window(Index size) { return size < 400 ? 5 : size < 1500 ? 6 : 8; }

  Vector& d_;
  Vector& e_;
  Index end_;  ///< rows beyond are done
  Index sweeps_left_;
  double negligible_;
};

/// Applies each batch to F' while the next one is made.
void diagonalise(Vector& d, Vector& e, Matrix& f, const Context& context) {
  const RotationKernel turn = rotation_kernel(context.kernels);
  const Index n_strips = f.rows() / kRotationRows;
  QlIteration iteration(d, e);
  const Index spare = kShifts * d.size();
  const Index limit = std::clamp(d.size() * d.size() / 8, kLeastBatch, kLargestBatch);
  RotationBatch ready(limit, spare), next(limit, spare);
  do {
    context.poll();
    context.progress("tridiagonal to diagonal", iteration.fraction());
    parallel_for(context, n_strips + 1, [&](Index task) {
      if (task == 0) {
        iteration.fill(next);
      } else {
        turn(ready, f.data() + (task - 1) * kRotationRows, f.rows());
      }
    });
    std::swap(ready, next);
  } while (!ready.sweeps().empty());
}

}  // namespace

RotatedSpectrum tridiagonal_spectrum(const ConstVector& diagonal, const ConstVector& subdiagonal,
                                     const ConstMatrix& f_transposed, const Context& context) {
  const Index n = diagonal.size(), k = f_transposed.rows();
  RotatedSpectrum out{Vector(n), Matrix(n, k)};
  if (n == 0) return out;
  if (!diagonal.allFinite() || !subdiagonal.allFinite()) {
    throw std::runtime_error("the symmetric eigensolver met a number that is not finite");
  }
  const double scale =
      moderate_scale(std::max(largest_entry(diagonal), largest_entry(subdiagonal)));
  Vector d = scale * diagonal, e = scale * subdiagonal;
  Matrix f = Matrix::Zero(round_up(k, kRotationRows), n);
  f.topRows(k) = f_transposed;
  diagonalise(d, e, f, context);

  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return d[a] < d[b]; });
  for (Index i = 0; i < n; ++i) {
    const Index from = order[static_cast<std::size_t>(i)];
    out.values[i] = d[from] / scale;
    out.rotated.row(i) = f.col(from).head(k).transpose();
  }
  return out;
}

}  // namespace hdlmm
