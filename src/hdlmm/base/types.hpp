#ifndef HDLMM_BASE_TYPES_HPP
#define HDLMM_BASE_TYPES_HPP

#include <type_traits>

#include <Eigen/Core>

#include "hdlmm/base/index.hpp"

namespace hdlmm {

static_assert(std::is_same<Index, Eigen::Index>::value, "one type of indices");

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;
using ConstMatrix = Eigen::Ref<const Matrix>;
using MatrixView = Eigen::Ref<Matrix>;
using ConstVector = Eigen::Ref<const Vector>;
using MatrixMap = Eigen::Map<const Matrix>;

/// Columns of a design that are unpacked to double at a time: [n x 256] stays in the outer cache.
constexpr Index kColumnBlock = 256;

}  // namespace hdlmm

#endif  // HDLMM_BASE_TYPES_HPP
