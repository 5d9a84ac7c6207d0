#ifndef HDLMM_BASE_SUM_LOG_HPP
#define HDLMM_BASE_SUM_LOG_HPP

#include "hdlmm/base/types.hpp"

namespace hdlmm {

/// Sum of logarithms of positive numbers: one logarithm for eight of them where no product leaves
/// the range of doubles.
double sum_log(const ConstVector& s);

}  // namespace hdlmm

#endif  // HDLMM_BASE_SUM_LOG_HPP
