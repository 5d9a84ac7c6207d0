#include "hdlmm/marginal/rooted_system.hpp"

#include <cstddef>
#include <utility>
#include <vector>

#include "hdlmm/marginal/blocked_system.hpp"

namespace hdlmm {

namespace {

class RootedFactor final : public TermsFactor {
 public:
  RootedFactor(const RootedSystem& system, const Covariances& at, const Context& context)
      : system_(system),
        at_(at),
        context_(context),
        inner_(system.inner().factor(Covariances(system.inner().model().shapes, at.theta()),
                                     context)) {}

  double log_det() const override { return inner_->log_det(); }
  Matrix data_gram() const override { return inner_->data_gram(); }
  std::vector<Matrix> traces() const override { return inner_->traces(); }
  std::vector<Matrix> fixed_slopes() const override { return inner_->fixed_slopes(); }
  ResponseMoments moments(const Vector& delta) const override { return inner_->moments(delta); }
  Vector projected(const Vector& delta) const override { return inner_->projected(delta); }
  Matrix solve(const ConstMatrix& b) const override { return inner_->solve(b); }
  Vector inverse_diagonal() const override { return inner_->inverse_diagonal(); }

  std::vector<Vector> effects(const Vector& delta) const override {
    std::vector<Vector> out = inner_->effects(delta);
    const Matrix py = projected(delta);
    for (Index k = 0; k < model().size(); ++k) {
      if (!is_rooted(k)) continue;
      out[static_cast<std::size_t>(k)] = covariances_with(model(), at_, k, py, context_).col(0);
    }
    return out;
  }

  Matrix level_covariances(Index k) const override {
    if (!is_rooted(k)) return inner_->level_covariances(k);
    return level_covariances_by_rows(*this, model(), at_, k, context_);
  }

  Matrix fixed_response(Index k) const override {
    if (!is_rooted(k)) return inner_->fixed_response(k);
    return covariances_with(model(), at_, k, solve(model().q), context_);
  }

  Vector row_variances(const std::vector<RowCells>& rows) const override {
    for (Index k = 0; k < model().size(); ++k) {
      if (is_rooted(k) && !rows[static_cast<std::size_t>(k)].value.empty()) return {};
    }
    return inner_->row_variances(rows);
  }

 private:
  const TermsModel& model() const { return system_.model(); }
  bool is_rooted(Index k) const { return !model().design(k).has_identity_prior(); }

  const RootedSystem& system_;
  Covariances at_;
  Context context_;
  std::unique_ptr<TermsFactor> inner_;
};

}  // namespace

RootedSystem::RootedSystem(TermsModel given, TermsModel columns, const Context& context)
    : TermsSystem(std::move(given)) {
  EliminationOrder order(columns, context);
  inner_ = std::make_unique<BlockedSystem>(std::move(columns), std::move(order), context);
}

std::unique_ptr<TermsSystem> make_rooted_system(TermsModel model, const Context& context) {
  TermsModel columns = model;
  for (std::size_t k = 0; k < columns.designs.size(); ++k) {
    if (columns.designs[k]->has_identity_prior()) continue;
    columns.designs[k] = columns.designs[k]->column_form(context);
    if (!columns.designs[k]) return nullptr;
    columns.shapes[k] = {columns.designs[k]->cols(), 1};
  }
  return std::make_unique<RootedSystem>(std::move(model), std::move(columns), context);
}

std::unique_ptr<TermsFactor> RootedSystem::factor(const Covariances& at,
                                                  const Context& context) const {
  return std::make_unique<RootedFactor>(*this, at, context);
}

Matrix RootedSystem::do_null_information(const Context& context) const {
  return inner_->null_information(context);
}

}  // namespace hdlmm
