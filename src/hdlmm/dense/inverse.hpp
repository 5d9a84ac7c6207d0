#ifndef HDLMM_DENSE_INVERSE_HPP
#define HDLMM_DENSE_INVERSE_HPP

#include "hdlmm/base/context.hpp"

namespace hdlmm {

/// (L L')^-1 [n x n], both triangles, of L below its diagonal. About n^3 flops, by halving: almost
/// all of it is matrix products.
Matrix inverse_of_root(const ConstMatrix& l, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_DENSE_INVERSE_HPP
