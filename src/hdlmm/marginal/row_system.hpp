#ifndef HDLMM_MARGINAL_ROW_SYSTEM_HPP
#define HDLMM_MARGINAL_ROW_SYSTEM_HPP

#include <vector>

#include "hdlmm/marginal/row_terms.hpp"

namespace hdlmm {

/// Several terms on the side of the rows: V [n x n] itself, for kernels and for more coefficients
/// than rows. 4/3 n^3 flops an evaluation, n^2 numbers a kernel or wide design.
class RowSystem final : public TermsSystem {
 public:
  RowSystem(TermsModel model, const Context& context);

  std::string name() const override { return "row"; }
  bool is_cheap() const override { return model().rows() <= 100; }
  std::unique_ptr<TermsFactor> factor(const Covariances& at, const Context& context) const override;

  const RowTerm& term(Index k) const { return terms_[static_cast<std::size_t>(k)]; }

 private:
  Matrix do_null_information(const Context& context) const override;

  std::vector<RowTerm> terms_;
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_ROW_SYSTEM_HPP
