#include "hdlmm/inference/variational/coordinate_ascent.hpp"

#include <numeric>
#include <utility>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/inference/search/aitken_test.hpp"

namespace hdlmm {

namespace {

/// y - Q d - X mu for the user's columns x_j + o m_j, kept as a part orthogonal to o and a
/// multiple of o: large column means then cost no digits.
class RunningResidual {
 public:
  explicit RunningResidual(const AscentData& data)
      : data_(data), rest_(data.y), constant_norm2_(data.shift.constant_norm2()) {
    split();
  }

  double dot(Index j) const {
    const double along = data_.x.column_dot(j, rest_);
    return is_shifted() ? along + data_.shift.means[j] * constant_norm2_ * level_ : along;
  }

  void subtract_column(Index j, double a) {
    data_.x.add_column(j, -a, rest_);
    if (is_shifted()) level_ -= a * data_.shift.means[j];
  }

  Vector pull(const ColumnBlock& block) const { return block.pull(rest_, level_); }
  void push(const ColumnBlock& block, const Vector& step) { block.push(step, rest_, level_); }

  /// Q'residual, [c].
  Vector along_fixed() const {
    Vector out = transpose_times(data_.q, rest_);
    if (is_shifted()) out += transpose_times(data_.q, data_.shift.constant) * level_;
    return out;
  }

  void subtract_fixed(const Vector& step) {
    rest_ -= times(data_.q, step);
    split();
  }

  double norm2() const { return rest_.squaredNorm() + constant_norm2_ * level_ * level_; }

 private:
  bool is_shifted() const { return data_.shift.is_present(); }

  void split() {
    if (!is_shifted()) return;
    const double step = data_.shift.constant.dot(rest_) / constant_norm2_;
    rest_ -= step * data_.shift.constant;
    level_ += step;
  }

  const AscentData& data_;
  Vector rest_;
  double constant_norm2_;
  double level_ = 0;
};

/// Single coefficients.
class ColumnSweeper {
 public:
  ColumnSweeper(const AscentData& data, const AscentOptions& options)
      : norms2_(user_norms2(data.x, data.shift)),
        effects_(Vector::Zero(data.x.cols())),
        order_(static_cast<std::size_t>(data.x.cols()), options) {}

  /// Each mean to where the ELBO is highest given the others: O(stored cells of X).
  void sweep(double ridge, RunningResidual& residual, const Context& context) {
    Index done = 0;
    for (const std::size_t at : order_.next()) {
      if (done++ % kColumnBlock == 0) context.poll();
      const Index j = static_cast<Index>(at);
      const double step = (residual.dot(j) - ridge * effects_[j]) / (norms2_[j] + ridge);
      if (step == 0) continue;
      effects_[j] += step;
      residual.subtract_column(j, step);
    }
  }

  double norm2() const { return effects_.squaredNorm(); }
  Vector effects() const { return effects_; }

 private:
  Vector norms2_;
  Vector effects_;
  SweepOrder order_;
};

/// Blocks of coefficients, each in its own coordinates.
class BlockSweeper {
 public:
  BlockSweeper(const AscentData& data, const std::vector<ColumnBlock>& blocks,
               const AscentOptions& options)
      : blocks_(blocks), n_columns_(data.x.cols()), order_(blocks.size(), options) {
    for (const ColumnBlock& block : blocks_) {
      coordinates_.push_back(Vector::Zero(block.n_coordinates()));
    }
  }

  void sweep(double ridge, RunningResidual& residual, const Context& context) {
    for (const std::size_t k : order_.next()) {
      context.poll();
      const ColumnBlock& block = blocks_[k];
      const Vector step = block.solve(ridge, residual.pull(block) - ridge * coordinates_[k]);
      coordinates_[k] += step;
      residual.push(block, step);
    }
  }

  double norm2() const {
    double sum = 0;
    for (const Vector& z : coordinates_) sum += z.squaredNorm();
    return sum;
  }

  Vector effects() const {
    Vector out = Vector::Zero(n_columns_);
    for (std::size_t k = 0; k < blocks_.size(); ++k) {
      const Vector own = blocks_[k].coefficients(coordinates_[k]);
      for (Index j = 0; j < own.size(); ++j) out[blocks_[k].columns()[j]] = own[j];
    }
    return out;
  }

 private:
  const std::vector<ColumnBlock>& blocks_;
  std::vector<Vector> coordinates_;
  Index n_columns_;
  SweepOrder order_;
};

template <typename Sweeper>
AscentResult ascend(const AscentData& data, Sweeper& sweeper, VariationalModel& model,
                    const AscentOptions& options, const Context& context) {
  AscentResult result;
  RunningResidual residual(data);
  result.delta = Vector::Zero(data.q.cols());
  GainRule rule(options.tol);
  AitkenTest variances(options.tol);
  for (int i = 0; i < options.max_iter && !result.is_converged; ++i) {
    context.progress("coordinate ascent", static_cast<double>(i) / options.max_iter);
    sweeper.sweep(1 / model.ratio(), residual, context);
    const Vector step = model.fixed_step(residual.along_fixed(), result.delta);
    result.delta += step;
    residual.subtract_fixed(step);
    const double elbo = model.update({sweeper.norm2(), residual.norm2(), result.delta});
    result.trace.push_back(model.point(elbo));
    const bool has_small_gain = rule.is_done(elbo, model.rounding(elbo));
    const std::size_t n = result.trace.size();
    const bool is_settled = n > 1 && variances.is_met(result.trace[n - 2], result.trace[n - 1]);
    result.is_converged = has_small_gain && is_settled;
  }
  context.progress("coordinate ascent", 1);
  result.effects = sweeper.effects();
  return result;
}

}  // namespace

SweepOrder::SweepOrder(std::size_t n, const AscentOptions& options)
    : order_(n), sweep_(options.sweep), generator_(options.seed) {
  std::iota(order_.begin(), order_.end(), std::size_t{0});
}

const std::vector<std::size_t>& SweepOrder::next() {
  if (sweep_ == Sweep::random) {  // Fisher & Yates; the bias of the remainder is below n / 2^64
    for (std::size_t i = order_.size(); i > 1; --i) {
      std::swap(order_[i - 1], order_[generator_() % i]);
    }
  }
  return order_;
}

AscentResult ascend_coordinates(const AscentData& data, const std::vector<ColumnBlock>& blocks,
                                VariationalModel& model, const AscentOptions& options,
                                const Context& context) {
  if (blocks.empty()) {
    ColumnSweeper sweeper(data, options);
    return ascend(data, sweeper, model, options, context);
  }
  BlockSweeper sweeper(data, blocks, options);
  return ascend(data, sweeper, model, options, context);
}

}  // namespace hdlmm
