#ifndef HDLMM_DENSE_RANK_UPDATE_HPP
#define HDLMM_DENSE_RANK_UPDATE_HPP

#include "hdlmm/dense/packed_gram.hpp"

namespace hdlmm {

/// c [n x n, lower triangle] += V V' with V [n x k] given by pack(first, count, first_depth, depth,
/// out), which packs vectors (rows of V) first .. first + count - 1 in strips as a MicroKernel
/// reads them; count is a multiple of a strip and vectors beyond n are zero.
///
/// pack() is called once for every cell, by several threads. n^2 k flops; 8 MB or 256 rows of V',
/// whichever is more, are held twice: while one panel is multiplied the next one is packed.
/// after(depth) is called on the calling thread when `depth` steps are done.
void add_packed_gram(Index k, const Packer<double>& pack, Adjacent adjacent, MatrixView c,
                     const Context& context, const Progress& after);

/// c [n x n, lower triangle] += b b', b: [n x k]. n^2 k flops.
void add_outer_gram(const ConstMatrix& b, MatrixView c, const Context& context);

/// c [p x p, lower triangle] += b' b, b: [k x p]. p^2 k flops.
void add_inner_gram(const ConstMatrix& b, MatrixView c, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_DENSE_RANK_UPDATE_HPP
