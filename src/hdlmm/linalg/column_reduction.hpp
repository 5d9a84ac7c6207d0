#ifndef HDLMM_LINALG_COLUMN_REDUCTION_HPP
#define HDLMM_LINALG_COLUMN_REDUCTION_HPP

#include "hdlmm/base/context.hpp"

namespace hdlmm {

/// Orthogonal reduction of a symmetric matrix to a tridiagonal one, column by column.
///
/// k: [n x n] of moderate scale, its lower triangle is read; T = Q'K Q takes the place of its
/// diagonal and subdiagonal, and below lie the reflectors I - tau v v', v without its leading one.
/// factors: [n], tau. Householder's method with the update by one column and the product for the
/// next one made together (as in Dongarra, Hammarling & Sorensen 1989, J. Comput. Appl. Math. 27,
/// but without their blocks): the matrix is read and written once a column, which is fast while it
/// stays in a cache. 4/3 n^3 flops.
void reduce_by_columns(MatrixView k,
                       Eigen::Ref<Eigen::RowVectorXd, 0, Eigen::InnerStride<>> factors,
                       const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_LINALG_COLUMN_REDUCTION_HPP
