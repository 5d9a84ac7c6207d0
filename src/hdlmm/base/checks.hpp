#ifndef HDLMM_BASE_CHECKS_HPP
#define HDLMM_BASE_CHECKS_HPP

#include <stdexcept>
#include <string>

#include "hdlmm/base/index.hpp"

namespace hdlmm {

/// What came from outside contradicts itself: a damaged matrix, a fit that was edited. Hosts tell
/// their users so; other exceptions are errors of ours.
class InvalidInput : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// Throws InvalidInput.
void check_input(bool holds, const char* what);

/// Throws InvalidInput unless every index lies in [0, end). O(length), branches that never fail.
template <typename Indices>
void check_indices(const Indices& indices, Index end, const char* what) {
  Index position = 0;
  for (const auto index : indices) {
    if (index < 0 || index >= end) {
      throw InvalidInput(std::string(what) + ": index " + std::to_string(index + 1) +
                         " at position " + std::to_string(position + 1) + ", of " +
                         std::to_string(end));
    }
    ++position;
  }
}

/// A vector that may be left out.
void check_optional_length(Index length, Index expected, const char* what);

}  // namespace hdlmm

#endif  // HDLMM_BASE_CHECKS_HPP
