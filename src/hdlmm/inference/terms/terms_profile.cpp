#include "hdlmm/inference/terms/terms_profile.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace hdlmm {

namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
constexpr double kNearEnd = 1e-6;   ///< of an end that has no likelihood
constexpr double kNearRoot = 3e-4;  ///< from there Newton's step is the last
constexpr double kFirstStep = 0.3;  ///< where the curvature is not known
constexpr int kMostPoints = 60;

/// A point of the signed root, taken positive, along the distance from the estimate.
struct RootPoint {
  ProfileMaximum maximum;
  double distance = 0;
  double root = 0;
  double slope = 0;  ///< by the distance
};

/// Where the cubic through two points with their slopes is `height`, as a share of the way.
double cubic_crossing(const RootPoint& a, const RootPoint& b, double height) {
  const double width = b.distance - a.distance;
  const auto value = [&](double t) {
    const double s = 1 - t;
    return a.root * s * s * (1 + 2 * t) + b.root * t * t * (1 + 2 * s) +
           width * s * t * (a.slope * s - b.slope * t);
  };
  double low = 0, high = 1;
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (low + high);
    (value(middle) < height ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

/// One side of a profile.
class Side {
 public:
  Side(const ProfilePath& path, int direction) : path_(path), direction_(direction) {
    const HeldParameter& held = path.held();
    end_ = std::abs((direction > 0 ? held.highest() : held.lowest()) - path.start().at.u);
    has_end_ = direction < 0 || held.has_highest();
    const double curvature = path.curvature();
    begin_ = {path.start(), 0, 0, curvature > 0 ? std::sqrt(curvature / 2) : 0};
  }

  const RootPoint& begin() const { return begin_; }

  /// What a value stands for at the end of the range, and the value at a distance.
  double end_value() const { return value_at(end_); }
  double value_at(double distance) const {
    HeldPoint at = path_.start().at;
    at.u += direction_ * distance;
    if (distance >= end_) at.u = direction_ > 0 ? path_.held().highest() : path_.held().lowest();
    return path_.value(at);
  }

  /// Whether nothing is as high.
  bool is_below(double height) const { return path_.ceiling() < height * height; }

  bool is_end(double distance) const { return distance >= end_; }

  /// A distance that there is a likelihood at, on the way from `from` to `to`.
  double kept(double from, double to) const {
    to = std::min(to, from + path_.held().longest_step());
    if (to < end_) return to;
    return has_end_ ? end_ : 0.5 * (from + end_);
  }
  bool is_all_but_end(double distance) const { return !has_end_ && end_ - distance < kNearEnd; }

  RootPoint point(const RootPoint& from, double distance) const {
    const HeldParameter& held = path_.held();
    const double end = direction_ > 0 ? held.highest() : held.lowest();
    const double u = is_end(distance) ? end : path_.start().at.u + direction_ * distance;
    RootPoint out{path_.move(from.maximum, u), distance, kUndefined, kUndefined};
    if (!out.maximum.is_finite) return out;
    out.root = std::sqrt(std::max(0.0, out.maximum.loss));
    out.slope = out.root > 0 ? direction_ * out.maximum.slope / (2 * out.root) : 0;
    return out;
  }

  double first_step(double height) const {
    return begin_.slope > 0 ? height / begin_.slope : kFirstStep;
  }

 private:
  const ProfilePath& path_;
  int direction_;
  double end_ = 0;
  bool has_end_ = true;
  RootPoint begin_;
};

double limit(const Side& side, double height) {
  if (side.is_end(0) || side.is_below(height)) return side.end_value();
  RootPoint inside = side.begin(), outside;
  double bracket = std::numeric_limits<double>::infinity();
  bool has_outside = false;  ///< a point, not only a distance where there is no likelihood
  double next = side.first_step(height);
  for (int i = 0; i < kMostPoints; ++i) {
    next = side.kept(inside.distance, next);
    const bool is_near_outside = has_outside && outside.distance - next < next - inside.distance;
    const RootPoint found = side.point(is_near_outside ? outside : inside, next);
    const bool is_outside = !(found.root < height);
    if (side.is_end(next) && !is_outside) return side.end_value();
    if (std::abs(found.root - height) < kNearRoot && found.slope > 0) {
      return side.value_at(next + (height - found.root) / found.slope);
    }
    if (is_outside) {
      bracket = next;
      has_outside = std::isfinite(found.root);
      outside = found;
    } else {
      inside = found;
      if (side.is_all_but_end(next)) return side.end_value();
    }
    if (std::isinf(bracket)) {
      const double newton = inside.slope > 0 ? (height - inside.root) / inside.slope : bracket;
      next = inside.distance + std::min(1.02 * newton, 3 * inside.distance + kFirstStep);
    } else {
      const double share = has_outside ? cubic_crossing(inside, outside, height) : 0.5;
      next = inside.distance + std::min(std::max(share, 0.01), 0.99) * (bracket - inside.distance);
      if (bracket - inside.distance < 1e-9 * (1 + bracket)) return side.value_at(next);
    }
  }
  return side.end_value();
}

void add_side(const Side& side, int direction, double height, double step, TermsCurve& out) {
  RootPoint at = side.begin();
  double length = side.first_step(step);
  for (int i = 0; i < kMostPoints && at.root < height && !side.is_end(at.distance); ++i) {
    const double to = side.kept(at.distance, at.distance + length);
    RootPoint found = side.point(at, to);
    if (!std::isfinite(found.root)) break;
    out.value.push_back(side.value_at(to));
    out.root.push_back(direction * found.root);
    const double slope = std::max(found.slope, 0.25 * step / length);
    length = std::min(step / slope, 2 * length);
    at = std::move(found);
    if (side.is_all_but_end(to)) break;
  }
}

}  // namespace

TermsLimits profile_limits(const ProfilePath& path, double height) {
  if (!path.is_defined()) return {kUndefined, kUndefined};
  return {limit(Side(path, -1), height), limit(Side(path, 1), height)};
}

TermsCurve profile_curve(const ProfilePath& path, double height, double step) {
  TermsCurve out;
  if (!path.is_defined()) return out;
  add_side(Side(path, -1), -1, height, step, out);
  std::reverse(out.value.begin(), out.value.end());
  std::reverse(out.root.begin(), out.root.end());
  out.value.push_back(path.value(path.start().at));
  out.root.push_back(0);
  add_side(Side(path, 1), 1, height, step, out);
  return out;
}

TermsProfiles::TermsProfiles(const TermsLikelihood& fitted, Covariances at, double sigma2,
                             std::vector<Matrix> moments, const TermsOptions& search,
                             const Context& context)
    : fitted_(fitted),
      marginal_(fitted.system(), Criterion::ml),
      at_{std::move(at), sigma2, {}},
      moments_(std::move(moments)),
      search_(search),
      context_(context) {}

const ProfileStart& TermsProfiles::start(bool is_contrast) {
  if (!start_) {
    start_ = at_;
    start_->evaluation =
        TermsLikelihood(fitted_.system(), fitted_.is_ml() ? Criterion::ml : Criterion::reml,
                        {at_.sigma2, {}, 0})
            .evaluate(at_.at, true, context_);
  }
  if (!is_contrast || fitted_.is_ml()) return *start_;
  if (!marginal_start_) {
    std::vector<Matrix> begin;
    for (Index k = 0; k < at_.at.size(); ++k) begin.push_back(at_.at.relative(k));
    TermsMode mode = search_terms(marginal_, begin, search_, context_);
    const double sigma2 = mode.evaluation.sigma2;
    marginal_start_ = ProfileStart{std::move(mode.at), sigma2, std::move(mode.evaluation)};
  }
  return *marginal_start_;
}

ProfilePath TermsProfiles::path(const AskedParameter& asked) {
  const bool is_contrast = asked.kind == HeldKind::contrast;
  return ProfilePath(is_contrast ? marginal_ : fitted_, start(is_contrast), asked, moments_,
                     context_);
}

template <typename Result, typename Make>
std::vector<Result> TermsProfiles::each(const std::vector<AskedParameter>& asked,
                                        const Make& make) {
  std::vector<Result> out;
  for (const AskedParameter& one : asked) {
    if (context_.progress) {
      context_.progress("profiles",
                        static_cast<double>(out.size()) / static_cast<double>(asked.size()));
    }
    out.push_back(make(path(one)));
  }
  return out;
}

std::vector<TermsLimits> TermsProfiles::limits(const std::vector<AskedParameter>& asked,
                                               double height) {
  return each<TermsLimits>(
      asked, [height](const ProfilePath& path) { return profile_limits(path, height); });
}

std::vector<TermsCurve> TermsProfiles::curves(const std::vector<AskedParameter>& asked,
                                              double height, double step) {
  return each<TermsCurve>(
      asked, [height, step](const ProfilePath& path) { return profile_curve(path, height, step); });
}

}  // namespace hdlmm
