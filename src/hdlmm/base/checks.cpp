#include "hdlmm/base/checks.hpp"

namespace hdlmm {

void check_input(bool holds, const char* what) {
  if (!holds) throw InvalidInput(what);
}

void check_optional_length(Index length, Index expected, const char* what) {
  check_input(length == 0 || length == expected, what);
}

}  // namespace hdlmm
