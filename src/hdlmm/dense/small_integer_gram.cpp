#include "hdlmm/dense/small_integer_gram.hpp"

#include <cmath>

#include "hdlmm/base/double_double.hpp"

namespace hdlmm {

namespace {

/// A tile that is not whole: through a buffer, of which only the cells of C come and go.
void add_edge_tile(const ByteKernel& kernel, Index quads, const std::uint8_t* a,
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

/// Bits after the point that are left of 51 for numbers up to `bound`.
int free_bits(double bound) { return 51 - std::ilogb(std::max(1.0, bound)) - 1; }

double largest_cell(const Vector& shift) {
  return shift.size() > 0 ? std::max(15.0, shift.cwiseAbs().maxCoeff()) : 15.0;
}

}  // namespace

void require_small(std::uint64_t seen) {
  if (seen > 15) throw NotSmallIntegers();
}

void store_quad(std::uint32_t quad, std::uint8_t* to) {
  const std::uint8_t bytes[4] = {
      static_cast<std::uint8_t>(quad), static_cast<std::uint8_t>(quad >> 8),
      static_cast<std::uint8_t>(quad >> 16), static_cast<std::uint8_t>(quad >> 24)};
  std::memcpy(to, bytes, sizeof bytes);
}

void add_small_integer_gram(Index k, const Packer<std::uint8_t>& pack, Adjacent adjacent,
                            MatrixView c, const Context& context, const Progress& after) {
  const ByteBlocks blocks{byte_kernel(context.kernels)};
  add_gram(blocks, k, pack, adjacent, c, context, after);
}

GridSplit::GridSplit(const Vector& x, int bits) : high(x.size()), low(x.size()) {
  for (Index i = 0; i < x.size(); ++i) {
    high[i] = std::ldexp(std::nearbyint(std::ldexp(x[i], bits)), -bits);
    low[i] = x[i] - high[i];
  }
}

RowShift::RowShift(const Vector& shift, Index n)
    : split_(shift, bits_for(shift)), high_(Vector::Zero(n)), low_(Vector::Zero(n)) {
  DoubleDouble total;
  for (Index j = 0; j < shift.size(); ++j) total.add_product(shift[j], shift[j]);
  const GridSplit of_total(Vector::Constant(1, total.value()), bits_for(shift));
  total_high_ = of_total.high[0];
  total.add(-total_high_);
  total_low_ = total.value();
}

void RowShift::subtract_from(Matrix& gram) const {
  const Index n = gram.rows();
  for (Index j = 0; j < n; ++j) {
    auto column = gram.col(j).tail(n - j).array();
    column -= high_.tail(n - j).array();
    column += total_high_ - high_[j];
    column += (total_low_ - low_[j]) - low_.tail(n - j).array();
  }
}

int RowShift::bits_for(const Vector& shift) {
  const double largest = largest_cell(shift);
  return free_bits(4.0 * shift.size() * largest * largest);
}

void subtract_column_shift(const Vector& sums, const Vector& shift, Index n, Matrix& gram) {
  const Index p = gram.rows();
  Vector rest(p);
  for (Index j = 0; j < p; ++j) {
    DoubleDouble sum;
    sum.add(sums[j]);
    sum.add_product(-static_cast<double>(n), shift[j]);
    rest[j] = sum.value();
  }
  const double largest = largest_cell(shift);
  const int bits = free_bits(8.0 * n * largest * largest) / 2;
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
