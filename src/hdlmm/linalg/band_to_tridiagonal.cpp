#include "hdlmm/linalg/band_to_tridiagonal.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

#include "hdlmm/base/moderate_scale.hpp"
#include "hdlmm/base/parallel.hpp"
#include "hdlmm/linalg/largest_entry.hpp"
#include "hdlmm/simd/chase_kernels.hpp"

namespace hdlmm {

namespace {

constexpr Index kSweepsTogether = 8;

/// The band with room for the bulges, and for steps that reach beyond the last row: zeros.
class BulgeChase {
 public:
  BulgeChase(const ConstMatrix& band, const ConstMatrix& f_transposed, const Context& context)
      : n_(band.cols()),
        b_(round_up(std::max<Index>(band.rows() - 1, 1), kChaseMultiple)),
        k_(round_up(f_transposed.rows(), kChaseMultiple)),
        n_sweeps_(std::max<Index>(n_ - 2, 0)),
        n_groups_(divide_up(n_sweeps_, kSweepsTogether)),
        kernel_(chase_kernel(context.kernels)),
        band_(Matrix::Zero(2 * b_, n_ + 2 * b_)),
        rotated_(Matrix::Zero(k_, n_ + b_)),
        done_(static_cast<std::size_t>(n_groups_)) {
    band_.topLeftCorner(band.rows(), n_) = band;
    rotated_.topLeftCorner(f_transposed.rows(), n_) = f_transposed;
    const Index slots = std::max(1, context.n_threads);
    workspace_ = Matrix::Zero(5 * b_ + 1, kSweepsTogether * slots);
    for (std::atomic<Index>& waves : done_) waves = 0;
  }

  /// Groups of sweeps, each following the one before it at a safe distance.
  ///
  /// Groups are handed out in order, so the first unfinished one never waits: no deadlock, however
  /// few threads there are. An interrupt reaches those that wait through `stopped_`.
  void run(const Context& context) {
    Context inner = context;
    inner.poll = [&] {
      try {
        context.poll();
        context.progress("band to tridiagonal", fraction_.load(std::memory_order_relaxed));
      } catch (...) {
        stopped_ = true;
        throw;
      }
    };
    parallel_for(inner, n_groups_, [&](Index group) { chase_group(group); });
  }

  Matrix take_band() { return std::move(band_); }
  Matrix take_rotated() { return std::move(rotated_); }

 private:
  Index n_steps(Index sweep) const { return (n_ - 3 - sweep) / b_ + 1; }

  /// Sweep q of the group makes step w - 2 q in wave w: at least one step behind sweep q - 1.
  void chase_group(Index group) {
    const Index first = group * kSweepsTogether;
    const Index count = std::min(kSweepsTogether, n_sweeps_ - first);
    Index n_waves = 0;
    for (Index q = 0; q < count; ++q) n_waves = std::max(n_waves, 2 * q + n_steps(first + q));
    for (Index wave = 0; wave < n_waves; ++wave) {
      if (!wait_for(group - 1, wave + 2 * kSweepsTogether)) return;
      for (Index q = 0; q < count; ++q) {
        const Index step = wave - 2 * q;
        if (step >= 0 && step < n_steps(first + q)) chase_step(first + q, step);
      }
      done_[static_cast<std::size_t>(group)].store(wave + 1, std::memory_order_release);
    }
    done_[static_cast<std::size_t>(group)].store(n_ + 2 * kSweepsTogether,
                                                 std::memory_order_release);
    fraction_.store(1 - square(1 - static_cast<double>(first + count) / n_sweeps_),
                    std::memory_order_relaxed);
  }

  static double square(double x) { return x * x; }

  bool wait_for(Index group, Index waves) const {
    if (group < 0) return true;
    const std::atomic<Index>& done = done_[static_cast<std::size_t>(group)];
    while (done.load(std::memory_order_acquire) < waves) {
      if (stopped_) return false;
      std::this_thread::yield();
    }
    return true;
  }

  void chase_step(Index sweep, Index step) {
    const Index group = sweep / kSweepsTogether, n_slots = workspace_.cols() / kSweepsTogether;
    double* work =
        workspace_.col(group % n_slots * kSweepsTogether + sweep % kSweepsTogether).data();
    if (step == 0) start_sweep(sweep, work);
    const Index row = sweep + 1 + step * b_;
    kernel_({&band_(0, row), 2 * b_ - 1, b_, work, work + b_ + 1, rotated_.data() + k_ * row, k_});
  }

  /// The reflector of column `sweep` below its subdiagonal.
  void start_sweep(Index sweep, double* reflector) {
    auto column = band_.col(sweep).segment(1, b_);
    Eigen::Map<Vector> v(reflector + 1, b_);
    v = column;
    column.setZero();
    column[0] = make_chase_reflector(reflector + 1, b_, reflector[0]);
  }

  Index n_, b_, k_, n_sweeps_, n_groups_;
  ChaseKernel kernel_;
  Matrix band_;                           ///< [2 b x (n + 2 b)], lower band storage
  Matrix rotated_;                        ///< [k x (n + b)]
  Matrix workspace_;                      ///< a column for each sweep under way: tau, v, scratch
  std::vector<std::atomic<Index>> done_;  ///< waves done of each group
  std::atomic<bool> stopped_{false};
  std::atomic<double> fraction_{0};
};

}  // namespace

Tridiagonal band_to_tridiagonal(const ConstMatrix& band, const ConstMatrix& f_transposed,
                                const Context& context) {
  const Index n = band.cols(), k = f_transposed.rows();
  if (n == 0) return {Vector(0), Vector(0), Matrix(k, 0)};
  if (band.rows() == 2) return {band.row(0), band.row(1).head(n - 1), f_transposed};
  const double scale = moderate_scale(largest_entry(band));
  BulgeChase chase(scale * band, f_transposed, context);
  chase.run(context);
  const Matrix reduced = chase.take_band();
  Matrix rotated = chase.take_rotated();
  rotated = rotated.topLeftCorner(k, n).eval();
  return {reduced.row(0).head(n) / scale, reduced.row(1).head(n - 1) / scale, std::move(rotated)};
}

}  // namespace hdlmm
