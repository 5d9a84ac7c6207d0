#ifndef HDLMM_DENSE_SMALL_INTEGER_GRAM_HPP
#define HDLMM_DENSE_SMALL_INTEGER_GRAM_HPP

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "hdlmm/dense/packed_gram.hpp"
#include "hdlmm/simd/byte_kernel.hpp"

namespace hdlmm {

/// Steps of depth that one call of a packing function is asked for at most.
constexpr Index kMaxIntegerDepth = 4 * kMaxQuads;

/// Thrown where a matrix has a cell other than 0, 1, .., 15.
struct NotSmallIntegers : std::domain_error {
  NotSmallIntegers() : std::domain_error("a cell is not a whole number from 0 to 15") {}
};

/// add_packed_gram() for whole numbers from 0 to 15, packed as a ByteKernel reads them; exact while
/// the sums are below 2^53. Only where has_byte_kernel(). n^2 k flops, some six times as fast as
/// those of doubles.
void add_small_integer_gram(Index k, const Packer<std::uint8_t>& pack, Adjacent adjacent,
                            MatrixView c, const Context& context, const Progress& after);

/// Reads cells as whole numbers; `seen` has a bit above the fourth when one was something else.
template <typename T>
struct SmallReader {
  std::uint32_t seen = 0;
  std::uint32_t operator()(T x) {
    const std::uint32_t word = static_cast<std::uint32_t>(x);
    seen |= word;
    return word;
  }
};

/// Adding 3 * 2^51 puts a whole number into the last bits; taking it away again shows a fraction.
template <>
struct SmallReader<double> {
  std::uint64_t seen = 0;
  std::uint32_t operator()(double x) {
    constexpr double kMagic = 6755399441055744.0;
    const double shifted = x + kMagic;
    const std::uint64_t whole = bits(shifted) ^ bits(kMagic);
    seen |= whole | (bits(shifted - kMagic) ^ bits(x));
    return static_cast<std::uint32_t>(whole);
  }

 private:
  static std::uint64_t bits(double x) {
    std::uint64_t out;
    std::memcpy(&out, &x, sizeof out);
    return out;
  }
};

void require_small(std::uint64_t seen);

void store_quad(std::uint32_t quad, std::uint8_t* to);

/// Whether all of n cells are whole numbers from 0 to 15.
template <typename T>
bool are_small_integers(const T* cells, Index n) {
  SmallReader<T> reader;
  for (Index i = 0; i < n; ++i) reader(cells[i]);
  return reader.seen <= 15;
}

/// Pack four steps of depth of `present` vectors into one quad of `strips` strips that begin
/// strip_step apart: run l holds cell l of every vector. Absent vectors are zero.
///
/// Throws NotSmallIntegers.
template <typename T>
void pack_quads_across(const T* const* runs, Index present, Index width, Index strips,
                       std::uint8_t* out, Index strip_step) {
  SmallReader<T> read;
  const T *r0 = runs[0], *r1 = runs[1], *r2 = runs[2], *r3 = runs[3];
  for (Index s = 0; s < strips; ++s) {
    std::uint8_t* to = out + s * strip_step;
    const Index end = std::max<Index>(0, std::min(width, present - s * width));
    for (Index i = 0; i < end; ++i, to += 4) {
      const std::uint32_t quad =
          read(*r0++) | read(*r1++) << 8 | read(*r2++) << 16 | read(*r3++) << 24;
      store_quad(quad, to);
    }
    std::fill(to, to + (width - end) * 4, std::uint8_t(0));
  }
  require_small(read.seen);
}

/// Pack one vector, [depth], into its place in a strip. Throws NotSmallIntegers.
template <typename T>
void pack_quads_along(const T* run, Index width, Index depth, std::uint8_t* out) {
  SmallReader<T> read;
  Index l = 0;
  for (; l + 4 <= depth; l += 4, out += 4 * width) {
    const std::uint32_t quad =
        read(run[l]) | read(run[l + 1]) << 8 | read(run[l + 2]) << 16 | read(run[l + 3]) << 24;
    store_quad(quad, out);
  }
  if (l < depth) {
    std::uint32_t quad = 0;
    for (Index i = 0; l + i < depth; ++i) quad |= read(run[l + i]) << (8 * i);
    store_quad(quad, out);
  }
  require_small(read.seen);
}

// A shift of the columns is taken out of the Gram matrix of the cells. The numbers that cancel are
// cut into a part on a coarse grid, on which sums and products are exact, and a small rest.

/// x = high + low with high on the grid of multiples of 2^-bits.
struct GridSplit {
  Vector high, low;

  GridSplit(const Vector& x, int bits);
};

/// (X - 1 m')(X - 1 m')' = X X' - (X m) 1' - 1 (X m)' + m'm 1 1' for whole X [n x p].
///
/// With M = max(15, |m|), multiples of 2^-s are exact up to p M^2, s = 50 - log2(p M^2). Each cell
/// of the result is rounded once, beside errors of p^2 2^-s M times the unit roundoff: digits are
/// not lost to the mean of X however large it is beside the variation.
class RowShift {
 public:
  RowShift(const Vector& shift, Index n);

  /// Rows first .. first + count - 1 of four columns of X from column j on. Different threads have
  /// different rows.
  template <typename T>
  void add_columns(const T* const* runs, Index j, Index n_runs, Index first, Index count) {
    double high[4] = {}, low[4] = {};
    for (Index l = 0; l < n_runs; ++l) {
      high[l] = split_.high[j + l];
      low[l] = split_.low[j + l];
    }
    const T *r0 = runs[0], *r1 = runs[1], *r2 = runs[2], *r3 = runs[3];
    double *high_sum = high_.data() + first, *low_sum = low_.data() + first;
    for (Index i = 0; i < count; ++i) {
      const double x0 = static_cast<double>(r0[i]), x1 = static_cast<double>(r1[i]);
      const double x2 = static_cast<double>(r2[i]), x3 = static_cast<double>(r3[i]);
      high_sum[i] += (x0 * high[0] + x1 * high[1]) + (x2 * high[2] + x3 * high[3]);
      low_sum[i] += (x0 * low[0] + x1 * low[1]) + (x2 * low[2] + x3 * low[3]);
    }
  }

  /// The lower triangle of X X' becomes that of the shifted matrix.
  void subtract_from(Matrix& gram) const;

 private:
  static int bits_for(const Vector& shift);

  GridSplit split_;
  Vector high_, low_;                      ///< X m
  double total_high_ = 0, total_low_ = 0;  ///< m'm
};

/// (X - 1 m')'(X - 1 m') from the lower triangle of X'X for whole X [n x p] with column sums s:
/// cell (j, l) loses s_j m_l + m_j r_l, r = s - n m.
///
/// Each cell is rounded once, beside errors of 2^-a (|s_j| + |r_l|) times the unit roundoff, where
/// 2 a = 49 - log2(n max(15, |m|)^2).
void subtract_column_shift(const Vector& sums, const Vector& shift, Index n, Matrix& gram);

}  // namespace hdlmm

#endif  // HDLMM_DENSE_SMALL_INTEGER_GRAM_HPP
