#ifndef HDLMM_DENSE_LOWER_TRIANGLE_HPP
#define HDLMM_DENSE_LOWER_TRIANGLE_HPP

#include "hdlmm/base/context.hpp"

namespace hdlmm {

/// Zeros in the lower triangle [n x n]; what is above is not initialised.
Matrix zero_lower(Index n, const Context& context);

/// The lower triangle of k [n x n]; what is above is not initialised.
Matrix copy_lower(const ConstMatrix& k, const Context& context);

/// l' for the lower triangle of l [n x n], zero below its diagonal.
Matrix transpose_of_lower(const ConstMatrix& l);

/// The upper triangle of a [n x n] becomes the lower one.
void mirror_lower(MatrixView a, const Context& context = Context());

/// s b, [n x m], of the symmetric s [n x n] the lower triangle is read: for a narrow b once, where
/// packing it would cost more than it gains.
Matrix lower_symmetric_product(const ConstMatrix& s, const ConstMatrix& b, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_DENSE_LOWER_TRIANGLE_HPP
