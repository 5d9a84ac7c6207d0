#include "hdlmm/objective/terms_bound.hpp"

#include <cstddef>
#include <utility>

#include "hdlmm/dense/products.hpp"

namespace hdlmm {

double TermsFactorisation::log_det(const Covariances& at) const {
  double sum = 0;
  for (Index k = 0; k < at.size(); ++k) {
    sum += blocks[static_cast<std::size_t>(k)].determinant(at.relative(k), false).value;
  }
  return sum;
}

TermsEvaluation TermsBound::begin(const Covariances& at, const Context& context,
                                  TermsCompletion& complete) const {
  TermsEvaluation out = likelihood_.begin(at, context, complete);
  if (factors_.is_joint()) return out;
  out.value += 0.5 * (out.log_det_v - factors_.log_det(at));
  complete = [this, at, complete_likelihood = std::move(complete)](TermsEvaluation& e) {
    complete_likelihood(e);
    add_derivatives(at, e);
  };
  return out;
}

void TermsBound::add_derivatives(const Covariances& at, TermsEvaluation& out) const {
  out.profiled *= 2;
  add_outer(1 / (out.fixed.rss * out.sigma2), out.along, out.along, out.profiled);
  for (Index k = 0; k < at.size(); ++k) {
    const auto term = static_cast<std::size_t>(k);
    const Index first = at.first(k), m = at.shape(k).parameters();
    const BlockDeterminant own = factors_.blocks[term].determinant(at.relative(k), true);
    const Vector along = out.along.segment(first, m);
    out.gradient[term] = own.slope - of_cell_traces(along, at.shape(k).width) / out.sigma2;
    out.profiled.block(first, first, m, m) += own.curvature;
  }
}

}  // namespace hdlmm
