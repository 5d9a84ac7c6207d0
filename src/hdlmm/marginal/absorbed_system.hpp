#ifndef HDLMM_MARGINAL_ABSORBED_SYSTEM_HPP
#define HDLMM_MARGINAL_ABSORBED_SYSTEM_HPP

#include <cstddef>
#include <memory>
#include <vector>

#include "hdlmm/linalg/two_stage.hpp"
#include "hdlmm/marginal/rest_factor.hpp"
#include "hdlmm/marginal/row_system.hpp"

namespace hdlmm {

/// One wide design or kernel and s other columns, s well below n. X S X' of the wide one is brought
/// to a tridiagonal T once and all other columns are turned along, so that D = g T + I costs O(n)
/// and an evaluation O(n s^2 + s^3) by Woodbury's identity. What asks for the inverse of V row by
/// row, as leave-one-out does, gets it from a RowSystem.
class AbsorbedSystem final : public TermsSystem {
 public:
  AbsorbedSystem(TermsModel model, const Context& context);

  /// The only term that is not stored by cells, or -1.
  static Index wide_term(const TermsModel& model);

  std::string name() const override { return "absorbed"; }
  bool is_cheap() const override { return false; }
  std::unique_ptr<TermsFactor> factor(const Covariances& at, const Context& context) const override;

  Index wide() const { return wide_; }
  const std::vector<RestTerm>& rest_terms() const { return rest_terms_; }
  const RestTerm& rest_term(Index k) const { return rest_terms_[static_cast<std::size_t>(k)]; }
  const Vector& diagonal() const { return reduced_.tridiagonal.diagonal; }
  const Vector& beside() const { return reduced_.tridiagonal.subdiagonal; }
  const BandReduction& band() const { return reduced_.gram; }
  const Matrix& columns() const { return columns_; }  ///< of the others, turned, [n x s]
  const Matrix& data() const { return data_; }        ///< [Q y], turned

  /// The same model on the side of its rows, made when it is first asked for.
  const RowSystem& by_rows(const Context& context) const;

 private:
  Matrix do_null_information(const Context& context) const override;

  Index wide_ = -1;
  std::vector<RestTerm> rest_terms_;  ///< in columns(), the wide one without levels
  TwoStageReduction reduced_;
  Matrix columns_, data_;
  mutable std::unique_ptr<RowSystem> by_rows_;
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_ABSORBED_SYSTEM_HPP
