#include "hdlmm/linalg/largest_entry.hpp"

namespace hdlmm {

double largest_entry(const ConstMatrix& a) { return a.size() == 0 ? 0 : a.cwiseAbs().maxCoeff(); }

}  // namespace hdlmm
