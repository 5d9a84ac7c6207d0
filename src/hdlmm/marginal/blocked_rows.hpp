#ifndef HDLMM_MARGINAL_BLOCKED_ROWS_HPP
#define HDLMM_MARGINAL_BLOCKED_ROWS_HPP

#include "hdlmm/marginal/level_factor.hpp"

namespace hdlmm {

// x_i'Cov(beta | y, omega) x_i of rows with few cells, per unit sigma_e^2.

/// Of the rows of the system, all columns of which meet. Needs G of levels and rest.
Vector fitted_row_variances(const BlockedSystem& system, const LevelFactor& levels,
                            const RestFactor& rest, const Context& context);

/// Of any rows, cells by columns in order. Needs G of the rest.
Vector new_row_variances(const BlockedSystem& system, const LevelFactor& levels,
                         const RestFactor& rest, const RowCells& rows, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_BLOCKED_ROWS_HPP
