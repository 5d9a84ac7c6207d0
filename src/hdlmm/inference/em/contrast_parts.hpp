#ifndef HDLMM_INFERENCE_EM_CONTRAST_PARTS_HPP
#define HDLMM_INFERENCE_EM_CONTRAST_PARTS_HPP

#include <optional>

#include "hdlmm/marginal/spectral_system.hpp"

namespace hdlmm {

/// The restricted model in error contrasts A'y, with A [n x (n - c)] such that A'Q = 0, A'A = I
/// and A'K A is diagonal: A'y ~ N(0, sigma_b^2 A'K A + sigma_e^2 I), a system without fixed
/// effects. Its likelihood is the restricted one of the whole system, its P y the same vector.
struct ContrastParts {
  SpectralSystem system;    ///< k = r + rho - c eigenvalues, those of A'K A that are not zero
  double fixed_trace = 0;   ///< tr(Q'K Q) / kappa
  Matrix crossing;          ///< [k x c], A'K Q / kappa along those k; empty when not asked for
  Vector crossing_squares;  ///< [k], squared lengths of its rows
};

/// What contrasts cost and save, by counts, so that a choice is the same on every machine and with
/// any number of threads. Unit: 0.11 ns on the machine of the fit, which is good to 30 % for r from
/// 300 to 3000, c from 1 to 100 and one or two threads.
struct ContrastPrice {
  double step = 0;   ///< what leverages of Q cost more than contrasts at each share
  double setup = 0;  ///< infinite where there is nothing to save, or too much memory to take
};

ContrastPrice price_contrasts(const SpectralParts& parts);

/// Contrasts of a system without prior rows. Nothing where a contrast that K does not leave alone
/// has an eigenvalue that cannot be told from zero, or where the eigenvalues are not found.
///
/// c of the m eigenvalues of M K M, M = I - Q Q', belong to Q and are zero; no other one is, for
/// what of null(K) is left to contrasts is orthogonal to null_frame. 4/3 m^3 flops, one [m x m].
std::optional<ContrastParts> find_contrasts(const SpectralSystem& whole, bool with_crossing,
                                            const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_EM_CONTRAST_PARTS_HPP
