#include "hdlmm/inference/variational/column_blocks.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/products.hpp"

namespace hdlmm {

double ColumnMeans::constant_norm2() const { return is_present() ? constant.squaredNorm() : 0; }

Vector user_norms2(const DesignOperator& x, const ColumnMeans& shift) {
  Vector norms2 = x.column_norms2();
  if (shift.is_present()) norms2 += shift.constant_norm2() * shift.means.cwiseAbs2();
  return norms2;
}

ColumnBlock::ColumnBlock(const DesignOperator& x, std::vector<Index> columns,
                         const ColumnMeans& shift, const Context& context)
    : columns_(std::make_unique<ColumnSubset>(x, std::move(columns))),
      spectrum_(decompose(*columns_, context)) {
  gram_.d = spectrum_.d;
  if (shift.is_present()) add_shift(shift);
}

Vector ColumnBlock::mean_coordinates() const {
  Vector out = Vector::Zero(n_coordinates());
  if (!gram_.has_shift()) return out;
  out.head(gram_.d.size()) = gram_.coordinates;
  if (gram_.adds_direction()) out[out.size() - 1] = std::sqrt(gram_.rest2);
  return out;
}

Vector ColumnBlock::pull(const Vector& residual, double level) const {
  Vector out = gram_.constant_norm2 * level * mean_coordinates();
  if (gram_.d.size() > 0) {
    out.head(gram_.d.size()) += gram_.d.cwiseSqrt().cwiseProduct(Vector(frame().rotate(residual)));
  }
  return out;
}

void ColumnBlock::push(const Vector& step, Vector& residual, double& level) const {
  if (gram_.d.size() > 0) {
    residual -= frame().unrotate(gram_.d.cwiseSqrt().cwiseProduct(step.head(gram_.d.size())));
  }
  if (gram_.has_shift()) level -= mean_coordinates().dot(step);
}

Vector ColumnBlock::solve(double ridge, const Vector& g) const {
  Vector out = solve_centred(ridge, g);
  if (!gram_.has_shift()) return out;
  const Vector means = mean_coordinates(), scaled = solve_centred(ridge, means);
  const double size = gram_.constant_norm2;
  out -= scaled * (size * means.dot(out) / (1 + size * means.dot(scaled)));
  return out;
}

Vector ColumnBlock::coefficients(const Vector& z) const {
  const Index r = gram_.d.size();
  Vector out = Vector::Zero(columns_->cols());
  if (r > 0 && spectrum_.side == Side::column) {
    out = spectrum_.vectors * z.head(r);
  } else if (r > 0) {
    columns_->add_adjoint_product(frame().unrotate(z.head(r).cwiseQuotient(gram_.d.cwiseSqrt())),
                                  out);
  }
  if (gram_.adds_direction()) out += outside_ * z[r];
  return out;
}

Vector ColumnBlock::shrunk_variances(double ratio, const Context& context) const {
  const Index p = columns_->cols(), r = gram_.d.size();
  const Vector explained = ratio * gram_.d.array() / (1 + ratio * gram_.d.array());
  Vector out = Vector::Ones(p);
  for (Index first = 0; first < p && r > 0; first += kColumnBlock) {
    context.poll();
    const Index size = std::min(kColumnBlock, p - first);
    const Matrix rows = frame().rotated_covariance_columns(first, size);
    out.segment(first, size) -= transpose_times(rows.cwiseAbs2(), explained.cwiseQuotient(gram_.d));
  }
  if (!gram_.has_shift()) return out;
  // the rank-one term of the inverse (Sherman & Morrison 1950)
  const Vector means = mean_coordinates(), scaled = solve_centred(1 / ratio, means);
  const double size = gram_.constant_norm2;
  out -= coefficients(scaled).cwiseAbs2() * (size / ratio / (1 + size * means.dot(scaled)));
  return out;
}

SpectralFrame ColumnBlock::frame() const {
  return SpectralFrame(*columns_, spectrum_.side, gram_.d, spectrum_.vectors);
}

Vector ColumnBlock::solve_centred(double ridge, const Vector& g) const {
  Vector out = g / ridge;
  const Index r = gram_.d.size();
  out.head(r) = g.head(r).array() / (gram_.d.array() + ridge);
  return out;
}

void ColumnBlock::add_shift(const ColumnMeans& shift) {
  const Index p = columns_->cols();
  Vector means(p);
  for (Index j = 0; j < p; ++j) means[j] = shift.means[columns()[j]];
  const double total = means.squaredNorm();
  if (total == 0) return;
  const Index r = gram_.d.size();
  gram_.constant_norm2 = shift.constant_norm2();
  gram_.coordinates = Vector::Zero(r);
  if (r > 0) {
    Vector f = Vector::Zero(columns_->rows());
    columns_->add_product(means, f);
    gram_.coordinates = Vector(frame().rotate(f)).cwiseQuotient(gram_.d.cwiseSqrt());
  }
  // first without a direction outside: coefficients() then has none to add
  Vector rest = means - coefficients(gram_.coordinates);
  if (r < p && rest.squaredNorm() > 1e-12 * total) {
    gram_.rest2 = rest.squaredNorm();
    outside_ = rest.normalized();
  }
}

std::vector<ColumnBlock> build_blocks(const DesignOperator& x, const std::vector<int>& block,
                                      int n_blocks, const ColumnMeans& shift,
                                      const Context& context) {
  check_input(n_blocks >= 0 && static_cast<Index>(block.size()) == x.cols(),
              "blocks: one code a column");
  check_indices(block, n_blocks, "codes of blocks");
  std::vector<std::vector<Index>> columns(static_cast<std::size_t>(n_blocks));
  for (std::size_t j = 0; j < block.size(); ++j) {
    columns[static_cast<std::size_t>(block[j])].push_back(static_cast<Index>(j));
  }
  std::vector<ColumnBlock> out;
  for (std::vector<Index>& own : columns) {
    context.poll();
    context.progress("blocks", static_cast<double>(out.size()) / n_blocks);
    out.emplace_back(x, std::move(own), shift, context);
  }
  return out;
}

Factorisation factorisation(const std::vector<ColumnBlock>& blocks) {
  std::vector<GramSpectrum> spectra;
  for (const ColumnBlock& block : blocks) spectra.push_back(block.gram());
  return Factorisation(std::move(spectra));
}

}  // namespace hdlmm
