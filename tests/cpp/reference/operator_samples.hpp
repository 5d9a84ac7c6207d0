#ifndef HDLMM_TESTS_REFERENCE_OPERATOR_SAMPLES_HPP
#define HDLMM_TESTS_REFERENCE_OPERATOR_SAMPLES_HPP

#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "hdlmm/operator/design_operator.hpp"

#include "support.hpp"

namespace hdlmm_test {

/// An operator, the memory that it borrows, and the dense matrices that it stands for.
struct Sample {
  std::vector<double> doubles;
  std::vector<int> integers, column_start, row;
  std::vector<std::uint8_t> bytes;
  std::unique_ptr<hdlmm::DesignOperator> whole, x;
  Matrix dense;  ///< X [n x p]
  Matrix prior;  ///< S [p x p]; without rows where it is the identity
};

struct Shape {
  Index n, p;
};

/// A kind of design, and how one is drawn.
struct Kind {
  std::string name;
  std::function<std::unique_ptr<Sample>(const Shape&, Random&)> build;
};

/// GoogleTest would print the bytes of a parameter, padding and all.
inline void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

/// Every kind with every part that it can have.
std::vector<Kind> all_kinds();

}  // namespace hdlmm_test

#endif  // HDLMM_TESTS_REFERENCE_OPERATOR_SAMPLES_HPP
