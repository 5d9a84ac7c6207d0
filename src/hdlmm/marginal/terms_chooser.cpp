#include "hdlmm/marginal/terms_chooser.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/marginal/absorbed_system.hpp"
#include "hdlmm/marginal/blocked_system.hpp"
#include "hdlmm/marginal/elimination_order.hpp"
#include "hdlmm/marginal/rooted_system.hpp"
#include "hdlmm/marginal/row_system.hpp"

namespace hdlmm {

namespace {

double cube(double x) { return x * x * x; }

constexpr double kEvaluations = 10;

/// once, then evaluations of so many flops
double all_flops(double once, double each) { return once + kEvaluations * each; }

/// Kernels by a root of their cells in the units that rows are of.
TermsPlan blocked_plan(const TermsModel& model, const Context& context) {
  EliminationOrder order(model, context);
  double s = static_cast<double>(order.rest());
  double dense = 0, roots = 0;
  for (Index k = 0; k < model.size(); ++k) {
    const DesignOperator& design = model.design(k);
    if (design.has_row_cells()) continue;
    const double columns = static_cast<double>(design.observed_units());
    dense += columns;
    if (design.has_identity_prior()) continue;
    s -= static_cast<double>(design.cols()) - columns;
    roots += 2 * cube(columns);
  }
  const double n = static_cast<double>(model.rows());
  const double held = static_cast<double>(2 * order.crosses() + order.met_columns());
  const double each = cube(s) + EliminationRule().scattered * order.products();
  return {"blocked", 8 * (4 * s * s + 256 * n + held), all_flops(n * dense * s + roots, each),
          std::move(order)};
}

double grams_of(const TermsModel& model) {
  double out = 0;
  for (const auto& design : model.designs) out += design->has_row_cells() ? 0 : 1;
  return out;
}

/// Without the Gram matrices, which two of the three take.
TermsPlan row_plan(const TermsModel& model) {
  const double n = static_cast<double>(model.rows()), grams = grams_of(model);
  return {"row", 8 * (4 + grams) * n * n, all_flops(0, cube(n) + grams * n * n), {}};
}

TermsPlan absorbed_plan(const TermsModel& model) {
  const double n = static_cast<double>(model.rows());
  double s = 0;
  for (Index k = 0; k < model.size(); ++k) {
    if (model.design(k).has_row_cells()) s += static_cast<double>(model.shape(k).cols());
  }
  return {"absorbed",
          8 * (2 * n * n + 5 * n * s + 5 * s * s),
          all_flops(4.0 / 3 * cube(n) + 2 * n * n * s, 4 * n * s * s + 4.0 / 3 * cube(s)),
          {}};
}

bool is_cheaper(const TermsPlan& a, const TermsPlan& b) { return a.flops < b.flops; }

}  // namespace

TermsPlan plan_terms(const TermsModel& model, const std::string& wanted, const Context& context) {
  const bool is_absorbable = AbsorbedSystem::wide_term(model) >= 0;
  check_input(wanted != "absorbed" || is_absorbable, "there is not one wide term to absorb");
  std::vector<TermsPlan> plans;
  plans.push_back(row_plan(model));
  plans.push_back(blocked_plan(model, context));
  if (is_absorbable) plans.push_back(absorbed_plan(model));
  const auto found = wanted == "auto"
                         ? std::min_element(plans.begin(), plans.end(), is_cheaper)
                         : std::find_if(plans.begin(), plans.end(),
                                        [&](const auto& plan) { return plan.type == wanted; });
  check_input(found != plans.end(), "a system is auto, blocked, row or absorbed");
  return std::move(*found);
}

std::unique_ptr<TermsSystem> make_terms_system(TermsModel model, TermsPlan plan,
                                               const Context& context) {
  if (plan.type == "absorbed") return std::make_unique<AbsorbedSystem>(std::move(model), context);
  if (plan.type == "row") return std::make_unique<RowSystem>(std::move(model), context);
  if (!model.has_identity_prior()) {
    // rows ask less of a kernel than that it has a root
    if (auto system = make_rooted_system(model, context)) return system;
    return std::make_unique<RowSystem>(std::move(model), context);
  }
  return std::make_unique<BlockedSystem>(std::move(model), std::move(plan.order), context);
}

}  // namespace hdlmm
