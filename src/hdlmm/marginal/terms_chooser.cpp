#include "hdlmm/marginal/terms_chooser.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/marginal/absorbed_system.hpp"
#include "hdlmm/marginal/blocked_system.hpp"
#include "hdlmm/marginal/row_system.hpp"

namespace hdlmm {

namespace {

double cube(double x) { return x * x * x; }

constexpr double kEvaluations = 10;

/// once, then evaluations of so many flops
double all_flops(double once, double each) { return once + kEvaluations * each; }

TermsPlan blocked_plan(const TermsModel& model) {
  const double s = static_cast<double>(BlockedSystem::dense_side(model));
  const double n = static_cast<double>(model.rows());
  double dense = 0;
  for (Index k = 0; k < model.size(); ++k) {
    if (!model.design(k).has_row_cells()) dense += static_cast<double>(model.shape(k).cols());
  }
  return {"blocked", 8 * 6 * s * s, all_flops(n * dense * s, 4.0 / 3 * cube(s))};
}

double grams_of(const TermsModel& model) {
  double out = 0;
  for (const auto& design : model.designs) out += design->has_row_cells() ? 0 : 1;
  return out;
}

/// Without the Gram matrices, which two of the three take.
TermsPlan row_plan(const TermsModel& model) {
  const double n = static_cast<double>(model.rows()), grams = grams_of(model);
  return {"row", 8 * (4 + grams) * n * n, all_flops(0, 4.0 / 3 * cube(n) + grams * n * n)};
}

TermsPlan absorbed_plan(const TermsModel& model) {
  const double n = static_cast<double>(model.rows());
  double s = 0;
  for (Index k = 0; k < model.size(); ++k) {
    if (model.design(k).has_row_cells()) s += static_cast<double>(model.shape(k).cols());
  }
  return {"absorbed", 8 * (2 * n * n + 5 * n * s + 5 * s * s),
          all_flops(4.0 / 3 * cube(n) + 2 * n * n * s, 4 * n * s * s + 4.0 / 3 * cube(s))};
}

bool is_cheaper(const TermsPlan& a, const TermsPlan& b) { return a.flops < b.flops; }

}  // namespace

TermsPlan plan_terms(const TermsModel& model, const std::string& wanted) {
  const bool has_columns =
      std::all_of(model.designs.begin(), model.designs.end(),
                  [](const auto& design) { return design->has_identity_prior(); });
  const bool is_absorbable = AbsorbedSystem::wide_term(model) >= 0;
  check_input(wanted != "blocked" || has_columns, "a kernel has no side of its coefficients");
  check_input(wanted != "absorbed" || is_absorbable, "there is not one wide term to absorb");
  std::vector<TermsPlan> plans = {row_plan(model)};
  if (has_columns) plans.push_back(blocked_plan(model));
  if (is_absorbable) plans.push_back(absorbed_plan(model));
  const auto found = wanted == "auto"
                         ? std::min_element(plans.begin(), plans.end(), is_cheaper)
                         : std::find_if(plans.begin(), plans.end(),
                                        [&](const auto& plan) { return plan.type == wanted; });
  check_input(found != plans.end(), "a system is auto, blocked, row or absorbed");
  return *found;
}

std::unique_ptr<TermsSystem> make_terms_system(TermsModel model, const TermsPlan& plan,
                                               const Context& context) {
  if (plan.type == "absorbed") return std::make_unique<AbsorbedSystem>(std::move(model), context);
  if (plan.type == "row") return std::make_unique<RowSystem>(std::move(model), context);
  return std::make_unique<BlockedSystem>(std::move(model), context);
}

}  // namespace hdlmm
