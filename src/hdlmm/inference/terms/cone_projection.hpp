#ifndef HDLMM_INFERENCE_TERMS_CONE_PROJECTION_HPP
#define HDLMM_INFERENCE_TERMS_CONE_PROJECTION_HPP

#include <vector>

#include "hdlmm/base/context.hpp"

namespace hdlmm {

/// Squared distances of points from the cone of covariances: min over positive semidefinite D_k of
/// these widths, their half vectors x side by side, of (x - p)'H (x - p), for every column p of
/// points [m x draws]. H [m x m], the metric, is positive definite. To 1e-4 of p'H p, less where H
/// is all but singular.
Vector cone_distances(const ConstMatrix& metric, const std::vector<Index>& widths,
                      const ConstMatrix& points, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_CONE_PROJECTION_HPP
