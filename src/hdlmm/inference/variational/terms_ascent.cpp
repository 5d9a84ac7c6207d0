#include "hdlmm/inference/variational/terms_ascent.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <utility>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/inference/search/aitken_test.hpp"

namespace hdlmm {

namespace {

/// The means of one term and their part in the residual.
class TermSweeper {
 public:
  virtual ~TermSweeper() = default;

  /// Each block to where the ELBO is highest given the others; precision: E[Sigma^-1], noise:
  /// E[1 / sigma_e^2].
  virtual void sweep(const Matrix& precision, double noise, Vector& residual,
                     const Context& context) = 0;

  /// sum_j m_j m_j' of the coefficients of X, [r x r].
  virtual Matrix second() const = 0;
};

/// Single columns of a term of one variance.
class SingleSweeper final : public TermSweeper {
 public:
  SingleSweeper(const DesignOperator& x, const TermBlocks& blocks, const AscentOptions& options)
      : x_(x),
        blocks_(blocks),
        means_(Vector::Zero(x.cols())),
        order_(static_cast<std::size_t>(x.cols()), options) {}

  void sweep(const Matrix& precision, double noise, Vector& residual,
             const Context& context) override {
    const double ridge = precision(0, 0) / noise;
    Index done = 0;
    for (const std::size_t at : order_.next()) {
      if (done++ % kColumnBlock == 0) context.poll();
      const Index j = static_cast<Index>(at);
      const double step =
          (x_.column_dot(j, residual) - ridge * means_[j]) / (blocks_.gram(j)(0, 0) + ridge);
      if (step == 0) continue;
      means_[j] += step;
      x_.add_column(j, -step, residual);
    }
  }

  Matrix second() const override { return level_products(means_, Matrix::Identity(1, 1)); }

 private:
  const DesignOperator& x_;
  const TermBlocks& blocks_;
  Vector means_;
  SweepOrder order_;
};

/// Blocks of the columns of a term of one variance, each in its own coordinates.
class ColumnBlockSweeper final : public TermSweeper {
 public:
  ColumnBlockSweeper(const std::vector<ColumnBlock>& blocks, const AscentOptions& options)
      : blocks_(blocks), order_(blocks.size(), options) {
    for (const ColumnBlock& block : blocks_) means_.push_back(Vector::Zero(block.n_coordinates()));
  }

  void sweep(const Matrix& precision, double noise, Vector& residual,
             const Context& context) override {
    const double ridge = precision(0, 0) / noise;
    double level = 0;  // columns are not centred here
    for (const std::size_t k : order_.next()) {
      context.poll();
      const ColumnBlock& block = blocks_[k];
      const Vector step = block.solve(ridge, block.pull(residual, level) - ridge * means_[k]);
      means_[k] += step;
      block.push(step, residual, level);
    }
  }

  Matrix second() const override {
    double sum = 0;
    for (const Vector& z : means_) sum += z.squaredNorm();
    return Matrix::Constant(1, 1, sum);
  }

 private:
  const std::vector<ColumnBlock>& blocks_;
  std::vector<Vector> means_;
  SweepOrder order_;
};

/// Levels of several coefficients: at once, in the coordinates of X T, or coefficient by
/// coefficient, in those of X.
class LevelSweeper final : public TermSweeper {
 public:
  LevelSweeper(const DesignOperator& x, const TermBlocks& blocks, const Matrix& turn,
               const AscentOptions& options)
      : x_(x),
        blocks_(blocks),
        own_turn_(turn),
        back_(Matrix::Identity(turn.rows(), turn.cols())),
        means_(Matrix::Zero(turn.rows(), blocks.levels())),
        order_(static_cast<std::size_t>(blocks.levels()), options) {
    if (!blocks.is_by_coefficient()) return;
    solve_upper(turn, back_);
    own_turn_ = Matrix::Identity(turn.rows(), turn.cols());
  }

  void sweep(const Matrix& precision, double noise, Vector& residual,
             const Context& context) override {
    const Matrix own = sandwich(own_turn_, precision);
    const Index r = means_.rows();
    Index done = 0;
    for (const std::size_t at : order_.next()) {
      if (done++ % kColumnBlock == 0) context.poll();
      const Index j = static_cast<Index>(at);
      Vector along(r);
      for (Index a = 0; a < r; ++a) along[a] = x_.column_dot(j * r + a, residual);
      along = noise * transpose_times(back_, along) - times(own, means_.col(j));
      const Matrix a = noise * blocks_.gram(j) + own;
      const Vector step =
          blocks_.is_by_coefficient() ? one_by_one(a, along) : Vector(solve_positive(a, along));
      means_.col(j) += step;
      const Vector inner = times(back_, step);
      for (Index b = 0; b < r; ++b) x_.add_column(j * r + b, -inner[b], residual);
    }
  }

  Matrix second() const override { return congruent(own_turn_, product_transpose(means_, means_)); }

 private:
  /// One round of coordinate ascent for a step = along.
  static Vector one_by_one(const Matrix& a, const Vector& along) {
    Vector step = Vector::Zero(along.size());
    for (Index i = 0; i < step.size(); ++i) {
      step[i] = (along[i] - a.row(i).dot(step)) / a(i, i);
    }
    return step;
  }

  const DesignOperator& x_;
  const TermBlocks& blocks_;
  Matrix own_turn_;  ///< from the coordinates of the sweep to those of X
  Matrix back_;      ///< from those of the sweep to those of X T
  Matrix means_;     ///< [r x J]
  SweepOrder order_;
};

std::unique_ptr<TermSweeper> make_sweeper(const TermsModel& model, Index k,
                                          const TermBlocks& blocks,
                                          const std::vector<ColumnBlock>& columns,
                                          const AscentOptions& options) {
  if (!columns.empty()) return std::make_unique<ColumnBlockSweeper>(columns, options);
  if (blocks.width() == 1) {
    return std::make_unique<SingleSweeper>(model.design(k), blocks, options);
  }
  return std::make_unique<LevelSweeper>(model.design(k), blocks,
                                        model.turns[static_cast<std::size_t>(k)], options);
}

/// Coordinate ascent over the blocks of all terms.
class BlockAscent {
 public:
  BlockAscent(const TermsFactorisation& factors,
              const std::vector<std::vector<ColumnBlock>>& columns, const TermsModel& model,
              const AscentOptions& options)
      : factors_(factors), residual_(model.y) {
    for (Index k = 0; k < model.size(); ++k) {
      const auto at = static_cast<std::size_t>(k);
      sweepers_.push_back(make_sweeper(model, k, factors.blocks[at], columns[at], options));
    }
    means_.delta = Vector::Zero(model.q.cols());
  }

  double sweep(TermsVariational& model, const Context& context) {
    means_.second.clear();
    for (std::size_t k = 0; k < sweepers_.size(); ++k) {
      sweepers_[k]->sweep(model.random(static_cast<Index>(k)).precision(),
                          model.residual_precision(), residual_, context);
      means_.second.push_back(sweepers_[k]->second());
    }
    const Matrix& q = model.model().q;
    const Vector step = model.fixed_step(transpose_times(q, residual_), means_.delta);
    means_.delta += step;
    residual_ -= times(q, step);
    means_.residual2 = residual_.squaredNorm();
    return model.update(means_, factorised_spread(factors_, model));
  }

 private:
  const TermsFactorisation& factors_;
  std::vector<std::unique_ptr<TermSweeper>> sweepers_;
  Vector residual_;
  TermsMeans means_;
};

/// Whether every variance has settled: Aitken's projection of the slowest.
class SettledVariances {
 public:
  explicit SettledVariances(double tol) : tol_(tol) {}

  bool is_met(const TermsPoint& before, const TermsPoint& after) {
    tests_.resize(1 + before.random.size(), AitkenTest(tol_));
    bool all = true;
    for (std::size_t k = 0; k < before.random.size(); ++k) {
      const auto size = [&](const TermsPoint& point) {
        return State{point.random[k].trace(), point.residual};
      };
      all &= tests_[k].is_met(size(before), size(after));
    }
    return all;
  }

 private:
  struct State {
    double random, residual;
  };
  double tol_;
  std::vector<AitkenTest> tests_;
};

template <typename Sweep>
TermsTrace ascend(const Sweep& sweep, TermsVariational& model, const AscentOptions& options,
                  const Context& context) {
  TermsTrace out;
  GainRule rule(options.tol);
  SettledVariances variances(options.tol);
  for (int i = 0; i < options.max_iter && !out.is_converged; ++i) {
    context.progress("coordinate ascent", static_cast<double>(i) / options.max_iter);
    const double elbo = sweep();
    out.points.push_back(model.point(elbo));
    const bool has_small_gain = rule.is_done(elbo, model.rounding(elbo));
    const std::size_t n = out.points.size();
    const bool is_settled = n > 1 && variances.is_met(out.points[n - 2], out.points[n - 1]);
    out.is_converged = has_small_gain && is_settled;
  }
  context.progress("coordinate ascent", 1);
  return out;
}

}  // namespace

TermsTrace ascend_terms(const TermsSystem& system, const TermsFactorisation& factors,
                        const std::vector<std::vector<ColumnBlock>>& columns,
                        TermsVariational& model, const AscentOptions& options,
                        const Context& context) {
  if (factors.is_joint()) {
    const auto sweep = [&] {
      const auto factor = system.factor(model.relative(), context);
      return model.update(best_means(*factor, model), joint_spread(*factor, model));
    };
    return ascend(sweep, model, options, context);
  }
  BlockAscent blocks(factors, columns, model.model(), options);
  return ascend([&] { return blocks.sweep(model, context); }, model, options, context);
}

}  // namespace hdlmm
