#ifndef HDLMM_MARGINAL_TERM_SEQUENCE_HPP
#define HDLMM_MARGINAL_TERM_SEQUENCE_HPP

#include <vector>

#include "hdlmm/marginal/row_levels.hpp"

namespace hdlmm {

/// Terms that can be eliminated one after the other: no two levels of one meet, neither in a row
/// nor by what has been eliminated before. Of the sequence by columns and that by levels, which
/// has an inner factor before an outer one of as many or more columns, the one that leaves fewer
/// columns.
std::vector<Index> separable_terms(const TermsModel& model, const RowLevels& rows);

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_TERM_SEQUENCE_HPP
