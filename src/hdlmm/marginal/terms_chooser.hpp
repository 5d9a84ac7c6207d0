#ifndef HDLMM_MARGINAL_TERMS_CHOOSER_HPP
#define HDLMM_MARGINAL_TERMS_CHOOSER_HPP

#include <memory>
#include <string>

#include "hdlmm/marginal/elimination_order.hpp"

namespace hdlmm {

/// What a system for several terms costs.
struct TermsPlan {
  std::string type;  ///< "blocked", "row" or "absorbed"
  double bytes = 0;
  double flops = 0;        ///< of the system and a search
  EliminationOrder order;  ///< of a blocked one
};

/// The cheapest one, or `wanted` unless it is "auto". Throws InvalidInput where that cannot be had.
TermsPlan plan_terms(const TermsModel& model, const std::string& wanted, const Context& context);

std::unique_ptr<TermsSystem> make_terms_system(TermsModel model, TermsPlan plan,
                                               const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_TERMS_CHOOSER_HPP
