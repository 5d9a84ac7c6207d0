#ifndef HDLMM_CORE_SMALL_INTEGER_GRAM_HPP
#define HDLMM_CORE_SMALL_INTEGER_GRAM_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "hdlmm/core/byte_kernel.hpp"
#include "hdlmm/core/double_double.hpp"
#include "hdlmm/core/rank_update.hpp"

namespace hdlmm {

/// Steps of depth that one call of a packing function is asked for at most.
constexpr Index kMaxIntegerDepth = 4 * byte_kernel_detail::kMaxQuads;

/// Thrown where a matrix has a cell other than 0, 1, .., 15.
struct NotSmallIntegers : std::domain_error {
  NotSmallIntegers() : std::domain_error("a cell is not a whole number from 0 to 15") {}
};

/// add_packed_gram() for whole numbers from 0 to 15, packed as a ByteKernel reads them; exact while
/// the sums are below 2^53. Only where has_byte_kernel(). n^2 k flops, some six times as fast as
/// those of doubles.
template <typename Pack, typename After>
void add_small_integer_gram(Index k, const Pack& pack, Adjacent adjacent, MatrixView c,
                            const Context& context, const After& after);

namespace small_integer_detail {

/// A tile that is not whole: through a buffer, of which only the cells of C come and go.
inline void add_edge_tile(const ByteKernel& kernel, Index quads, const std::uint8_t* a,
                          const std::uint8_t* b, const TargetBlock& c) {
  double tile[32 * 8] = {};
  kernel.add_tile(quads, a, b, tile, kernel.rows);
  for (Index j = 0; j < c.cols; ++j) {
    for (Index i = std::max<Index>(0, j - c.diagonal); i < c.rows; ++i) {
      c.cells[i + j * c.stride] += tile[i + j * kernel.rows];
    }
  }
}

/// How blocks of packed bytes are multiplied.
struct ByteBlocks {
  using Cell = std::uint8_t;
  static constexpr Index kRows = 32;
  static constexpr Index kMaxDepth = kMaxIntegerDepth;
  static constexpr Index kDepthUnit = 4;
  static constexpr Index kPanelCells = 4 << 20;

  ByteKernel kernel;

  void add(Index depth, const Cell* a, const Cell* b, const TargetBlock& c) const {
    for (Index j = 0; j < c.cols; j += kernel.cols) {
      const Cell* tile_b = b + j / kernel.width * kernel.width * depth + j % kernel.width * 4;
      const Index n_cols = std::min(kernel.cols, c.cols - j);
      for (Index i = 0; i < c.rows; i += kernel.rows) {
        const TargetBlock tile = c.part(i, j, std::min(kernel.rows, c.rows - i), n_cols);
        if (tile.is_empty()) continue;
        if (tile.rows == kernel.rows && tile.cols == kernel.cols && tile.is_whole()) {
          kernel.add_tile(depth / 4, a + i * depth, tile_b, tile.cells, tile.stride);
        } else {
          add_edge_tile(kernel, depth / 4, a + i * depth, tile_b, tile);
        }
      }
    }
  }
};

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

inline void require_small(std::uint64_t seen) {
  if (seen > 15) throw NotSmallIntegers();
}

inline void store_quad(std::uint32_t quad, std::uint8_t* to) {
  const std::uint8_t bytes[4] = {
      static_cast<std::uint8_t>(quad), static_cast<std::uint8_t>(quad >> 8),
      static_cast<std::uint8_t>(quad >> 16), static_cast<std::uint8_t>(quad >> 24)};
  std::memcpy(to, bytes, sizeof bytes);
}

}  // namespace small_integer_detail

/// Whether all of n cells are whole numbers from 0 to 15.
template <typename T>
bool are_small_integers(const T* cells, Index n) {
  small_integer_detail::SmallReader<T> reader;
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
  small_integer_detail::SmallReader<T> read;
  const T *r0 = runs[0], *r1 = runs[1], *r2 = runs[2], *r3 = runs[3];
  for (Index s = 0; s < strips; ++s) {
    std::uint8_t* to = out + s * strip_step;
    const Index end = std::max<Index>(0, std::min(width, present - s * width));
    for (Index i = 0; i < end; ++i, to += 4) {
      const std::uint32_t quad =
          read(*r0++) | read(*r1++) << 8 | read(*r2++) << 16 | read(*r3++) << 24;
      small_integer_detail::store_quad(quad, to);
    }
    std::fill(to, to + (width - end) * 4, std::uint8_t(0));
  }
  small_integer_detail::require_small(read.seen);
}

/// Pack one vector, [depth], into its place in a strip. Throws NotSmallIntegers.
template <typename T>
void pack_quads_along(const T* run, Index width, Index depth, std::uint8_t* out) {
  small_integer_detail::SmallReader<T> read;
  Index l = 0;
  for (; l + 4 <= depth; l += 4, out += 4 * width) {
    const std::uint32_t quad =
        read(run[l]) | read(run[l + 1]) << 8 | read(run[l + 2]) << 16 | read(run[l + 3]) << 24;
    small_integer_detail::store_quad(quad, out);
  }
  if (l < depth) {
    std::uint32_t quad = 0;
    for (Index i = 0; l + i < depth; ++i) quad |= read(run[l + i]) << (8 * i);
    small_integer_detail::store_quad(quad, out);
  }
  small_integer_detail::require_small(read.seen);
}

template <typename Pack, typename After>
void add_small_integer_gram(Index k, const Pack& pack, Adjacent adjacent, MatrixView c,
                            const Context& context, const After& after) {
  const small_integer_detail::ByteBlocks blocks{byte_kernel(context.kernels)};
  rank_update_detail::add_gram(blocks, k, pack, adjacent, c, context, after);
}

// A shift of the columns is taken out of the Gram matrix of the cells. The numbers that cancel are
// cut into a part on a coarse grid, on which sums and products are exact, and a small rest.

/// x = high + low with high on the grid of multiples of 2^-bits.
struct GridSplit {
  Vector high, low;

  GridSplit(const Vector& x, int bits) : high(x.size()), low(x.size()) {
    for (Index i = 0; i < x.size(); ++i) {
      high[i] = std::ldexp(std::nearbyint(std::ldexp(x[i], bits)), -bits);
      low[i] = x[i] - high[i];
    }
  }
};

namespace small_integer_detail {

/// Bits after the point that are left of 51 for numbers up to `bound`.
inline int free_bits(double bound) { return 51 - std::ilogb(std::max(1.0, bound)) - 1; }

inline double largest(const Vector& shift) {
  return shift.size() > 0 ? std::max(15.0, shift.cwiseAbs().maxCoeff()) : 15.0;
}

}  // namespace small_integer_detail

/// (X - 1 m')(X - 1 m')' = X X' - (X m) 1' - 1 (X m)' + m'm 1 1' for whole X [n x p].
///
/// With M = max(15, |m|), multiples of 2^-s are exact up to p M^2, s = 50 - log2(p M^2). Each cell
/// of the result is rounded once, beside errors of p^2 2^-s M times the unit roundoff: digits are
/// not lost to the mean of X however large it is beside the variation.
class RowShift {
 public:
  RowShift(const Vector& shift, Index n)
      : split_(shift, bits_for(shift)), high_(Vector::Zero(n)), low_(Vector::Zero(n)) {
    DoubleDouble total;
    for (Index j = 0; j < shift.size(); ++j) total.add_product(shift[j], shift[j]);
    const GridSplit of_total(Vector::Constant(1, total.value()), bits_for(shift));
    total_high_ = of_total.high[0];
    total.add(-total_high_);
    total_low_ = total.value();
  }

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
  void subtract_from(Matrix& gram) const {
    const Index n = gram.rows();
    for (Index j = 0; j < n; ++j) {
      auto column = gram.col(j).tail(n - j).array();
      column -= high_.tail(n - j).array();
      column += total_high_ - high_[j];
      column += (total_low_ - low_[j]) - low_.tail(n - j).array();
    }
  }

 private:
  static int bits_for(const Vector& shift) {
    const double largest = small_integer_detail::largest(shift);
    return small_integer_detail::free_bits(4.0 * shift.size() * largest * largest);
  }

  GridSplit split_;
  Vector high_, low_;                      ///< X m
  double total_high_ = 0, total_low_ = 0;  ///< m'm
};

/// (X - 1 m')'(X - 1 m') from the lower triangle of X'X for whole X [n x p] with column sums s:
/// cell (j, l) loses s_j m_l + m_j r_l, r = s - n m.
///
/// Each cell is rounded once, beside errors of 2^-a (|s_j| + |r_l|) times the unit roundoff, where
/// 2 a = 49 - log2(n max(15, |m|)^2).
inline void subtract_column_shift(const Vector& sums, const Vector& shift, Index n, Matrix& gram) {
  const Index p = gram.rows();
  Vector rest(p);
  for (Index j = 0; j < p; ++j) {
    DoubleDouble sum;
    sum.add(sums[j]);
    sum.add_product(-static_cast<double>(n), shift[j]);
    rest[j] = sum.value();
  }
  const double largest = small_integer_detail::largest(shift);
  const int bits = small_integer_detail::free_bits(8.0 * n * largest * largest) / 2;
  const GridSplit m(shift, bits), r(rest, bits);
  for (Index l = 0; l < p; ++l) {
    auto column = gram.col(l).tail(p - l).array();
    const auto s_j = sums.tail(p - l).array();
    const auto high = m.high.tail(p - l).array(), low = m.low.tail(p - l).array();
    column -= s_j * m.high[l];
    column -= high * r.high[l];
    column -= s_j * m.low[l] + (high * r.low[l] + low * rest[l]);
  }
}

}  // namespace hdlmm

#endif  // HDLMM_CORE_SMALL_INTEGER_GRAM_HPP
