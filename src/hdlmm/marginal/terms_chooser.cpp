#include "hdlmm/marginal/terms_chooser.hpp"

#include <algorithm>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/marginal/blocked_system.hpp"
#include "hdlmm/marginal/row_system.hpp"

namespace hdlmm {

namespace {

double cube(double x) { return x * x * x; }

TermsPlan blocked_plan(const TermsModel& model) {
  const double s = static_cast<double>(BlockedSystem::dense_side(model));
  return {"blocked", 8 * 6 * s * s, 4.0 / 3 * cube(s)};
}

TermsPlan row_plan(const TermsModel& model) {
  const double n = static_cast<double>(model.rows());
  double grams = 4;
  for (const auto& design : model.designs) grams += design->has_row_cells() ? 0 : 1;
  return {"row", 8 * grams * n * n, 4.0 / 3 * cube(n) + grams * n * n};
}

}  // namespace

TermsPlan plan_terms(const TermsModel& model, const std::string& wanted) {
  const bool has_columns =
      std::all_of(model.designs.begin(), model.designs.end(),
                  [](const auto& design) { return design->has_identity_prior(); });
  check_input(wanted != "blocked" || has_columns, "a kernel has no side of its coefficients");
  const TermsPlan row = row_plan(model);
  if (!has_columns || wanted == "row") return row;
  const TermsPlan blocked = blocked_plan(model);
  if (wanted == "blocked") return blocked;
  return blocked.flops <= row.flops ? blocked : row;
}

std::unique_ptr<TermsSystem> make_terms_system(TermsModel model, const TermsPlan& plan,
                                               const Context& context) {
  if (plan.type == "row") return std::make_unique<RowSystem>(std::move(model), context);
  return std::make_unique<BlockedSystem>(std::move(model), context);
}

}  // namespace hdlmm
