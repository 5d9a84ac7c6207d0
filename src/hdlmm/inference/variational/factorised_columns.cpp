#include "hdlmm/inference/variational/factorised_columns.hpp"

#include <algorithm>
#include <utility>

#include "hdlmm/base/checks.hpp"

namespace hdlmm {

namespace {

ColumnMeans checked(const DesignOperator& x, ColumnMeans shift) {
  check_optional_length(shift.means.size(), x.cols(), "columns: their means");
  check_input(!shift.is_present() || shift.constant.size() == x.rows(), "columns: the constant");
  return shift;
}

}  // namespace

FactorisedColumns::FactorisedColumns(const DesignOperator& x, ColumnMeans shift)
    : x_(x), shift_(checked(x, std::move(shift))), norms2_(user_norms2(x, shift_)) {}

FactorisedColumns::FactorisedColumns(const DesignOperator& x, ColumnMeans shift,
                                     const std::vector<int>& block, int n_blocks,
                                     const Context& context)
    : x_(x),
      shift_(checked(x, std::move(shift))),
      blocks_(build_blocks(x, block, n_blocks, shift_, context)) {}

Factorisation FactorisedColumns::factors() const {
  if (!blocks_.empty()) return factorisation(blocks_);
  return Factorisation::mean_field(norms2_);
}

Vector FactorisedColumns::shrunk_variances(const Share& share, double kappa,
                                           const Context& context) const {
  // at nu = 0 a ratio beyond which nothing changes
  const double ratio = share.h / kappa / std::max(share.nu, 1e-100);
  if (blocks_.empty()) return (1 + ratio * norms2_.array()).inverse();
  Vector out = Vector::Ones(x_.cols());
  for (const ColumnBlock& block : blocks_) {
    if (!(ratio > 0)) break;
    const Vector own = block.shrunk_variances(ratio, context);
    for (Index j = 0; j < own.size(); ++j) out[block.columns()[j]] = own[j];
  }
  return out;
}

}  // namespace hdlmm
