#ifndef HDLMM_MARGINAL_ROOTED_SYSTEM_HPP
#define HDLMM_MARGINAL_ROOTED_SYSTEM_HPP

#include <memory>
#include <string>

#include "hdlmm/marginal/terms_system.hpp"

namespace hdlmm {

/// Kernels on the side of coefficients: what the rows say of a kernel K over fewer units than rows
/// is said by the columns of a root of K, as a BlockedSystem has them. The coefficients that are
/// asked for, those of unobserved units among them, come from K and the rows.
class RootedSystem final : public TermsSystem {
 public:
  /// columns: the same model with column forms in the place of kernels.
  RootedSystem(TermsModel model, TermsModel columns, const Context& context);

  std::string name() const override { return inner_->name(); }
  bool is_cheap() const override { return inner_->is_cheap(); }
  std::unique_ptr<TermsFactor> factor(const Covariances& at, const Context& context) const override;

  const TermsSystem& inner() const { return *inner_; }

 private:
  Matrix do_null_information(const Context& context) const override;

  std::unique_ptr<TermsSystem> inner_;
};

/// None where a kernel has no root, not being positive semidefinite.
std::unique_ptr<TermsSystem> make_rooted_system(TermsModel model, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_ROOTED_SYSTEM_HPP
