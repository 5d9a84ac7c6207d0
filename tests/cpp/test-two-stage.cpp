// The spectral system without eigenvectors: each of its stages, and all of them together, against
// dense references and on spectra that are hard for one of them.

#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <Eigen/Dense>
#include <gtest/gtest.h>

#include "hdlmm/dense/packing.hpp"
#include "hdlmm/linalg/band_cholesky.hpp"
#include "hdlmm/linalg/tridiagonal_spectrum.hpp"
#include "hdlmm/linalg/two_stage.hpp"
#include "hdlmm/simd/rank_two_kernels.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::BandReduction;
using hdlmm::Context;
using hdlmm::KernelLevel;
using hdlmm::RotatedSpectrum;
using hdlmm::Tridiagonal;
using hdlmm::TwoStage;

constexpr double kEps = std::numeric_limits<double>::epsilon();

std::vector<KernelLevel> levels() {
  std::vector<KernelLevel> out;
  for (const KernelLevel level : {KernelLevel::portable, KernelLevel::avx2, KernelLevel::avx512}) {
    if (level <= hdlmm::best_kernel_level()) out.push_back(level);
  }
  return out;
}

Matrix symmetric(Random& random, Index n) { return from_lower(random.normals(n, n)); }

/// The upper triangle must not be read.
Matrix lower_only(Matrix k) {
  k.triangularView<Eigen::StrictlyUpper>().setConstant(std::nan(""));
  return k;
}

Matrix dense_band(const Matrix& band) {
  const Index n = band.cols();
  Matrix out = Matrix::Zero(n, n);
  for (Index j = 0; j < n; ++j) {
    for (Index i = j; i < std::min(n, j + band.rows()); ++i) out(i, j) = band(i - j, j);
  }
  return from_lower(out);
}

Matrix random_band(Random& random, Index n, Index width) {
  Matrix band = random.normals(width + 1, n);
  for (Index j = 0; j < n; ++j) {
    for (Index i = n - j; i <= width; ++i) band(i, j) = 0;
  }
  return band;
}

Matrix dense_tridiagonal(const Vector& diagonal, const Vector& subdiagonal) {
  Matrix out = diagonal.asDiagonal();
  if (diagonal.size() > 1) out.diagonal(1) = out.diagonal(-1) = subdiagonal;
  return out;
}

/// Largest cell of the difference relative to `scale`; 0 of empty matrices.
double error(const Matrix& a, const Matrix& b, double scale) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return HUGE_VAL;
  const double difference = a.size() == 0 ? 0 : (a - b).cwiseAbs().maxCoeff();
  return difference == 0 ? 0 : difference / scale;
}

double length(const Matrix& a) { return a.size() == 0 ? 0 : a.norm(); }

Vector reference_values(const Matrix& k) {
  if (k.size() == 0) return Vector(0);
  return Eigen::SelfAdjointEigenSolver<Matrix>(k, Eigen::EigenvaluesOnly).eigenvalues();
}

Matrix products(const Matrix& a, const Matrix& b) {
  if (a.size() == 0 || b.size() == 0) return Matrix::Zero(a.rows(), b.cols());
  return a * b;
}

// ---- a band ----

TEST(BandReduction, IsAnOrthogonalSimilarityWithABand) {
  for (const Index n : {0, 1, 2, 3, 8, 9, 33, 100, 131}) {
    for (const Index width : {1, 3, 8, 16, 32}) {
      for (const KernelLevel level : levels()) {
        SCOPED_TRACE("n = " + std::to_string(n) + ", width " + std::to_string(width));
        Random random(1);
        const Matrix k = symmetric(random, n), identity = Matrix::Identity(n, n);
        const Context context = context_with(level, 1);
        const BandReduction reduction = hdlmm::reduce_to_band(lower_only(k), width, context);
        Matrix q = identity;
        hdlmm::apply(reduction, q, context);
        EXPECT_LT(error(products(q, q.transpose()), identity, 1), 1e-14);
        const Matrix back = products(products(q, dense_band(reduction.band)), q.transpose());
        EXPECT_LT(error(back, k, length(k)), 1e-14);
        hdlmm::apply_transposed(reduction, q, context);
        EXPECT_LT(error(q, identity, 1), 1e-14);
      }
    }
  }
}

TEST(BandReduction, LeavesABandAsItIs) {
  Random random(2);
  const Matrix band = random_band(random, 60, 4);
  const BandReduction reduction = hdlmm::reduce_to_band(dense_band(band), 8, Context());
  EXPECT_EQ(reduction.band.topRows(5), band);
  EXPECT_EQ(reduction.band.bottomRows(4).cwiseAbs().maxCoeff(), 0);
}

TEST(BandReduction, LeavesATridiagonalMatrixAsItIs) {
  Random random(2);
  const Matrix band = random_band(random, 60, 1);
  EXPECT_EQ(hdlmm::reduce_to_band(dense_band(band), 1, Context()).band, band);
}

TEST(RankTwoPass, UpdatesAndMultipliesTheLowerTriangleAlone) {
  constexpr Index kLine = 8;
  for (const KernelLevel level : levels()) {
    for (const Index n : {1, 2, 3, 4, 5, 7, 8, 9, 16, 33, 70}) {
      for (const Index first : {0, 1, 6, 13}) {
        if (first >= n) continue;
        SCOPED_TRACE(std::string(hdlmm::name(level)) + ", n = " + std::to_string(n) + ", from " +
                     std::to_string(first));
        Random random(13);
        const Matrix above = random.normals(n, n), k = symmetric(random, n);
        const Index stride = hdlmm::round_up(n + hdlmm::kRankTwoPad, kLine), m = n - first;
        const hdlmm::AlignedBuffer<double> buffer(stride * (n + 4));
        Eigen::Map<Matrix> cells(buffer.data(), stride, n);
        Eigen::Map<Matrix> vectors(buffer.data() + stride * n, stride, 4);
        cells.setZero();
        vectors.setZero();
        cells.topRows(n) = above;
        cells.topRows(n).triangularView<Eigen::Lower>() = k;
        vectors.topRows(n) = random.normals(n, 4);
        const Matrix before = cells, start = vectors;
        hdlmm::rank_two_kernel(level)({first, n, cells.data(), stride, &vectors(0, 0),
                                       &vectors(0, 1), &vectors(0, 2), &vectors(0, 3)});
        const Vector v = start.col(0).segment(first, m), w = start.col(1).segment(first, m);
        const Vector x = start.col(2).segment(first, m), y = start.col(3).segment(first, m);
        const Matrix wanted = k.bottomRightCorner(m, m) - v * w.transpose() - w * v.transpose();
        const Matrix got = cells.block(first, first, m, m);
        EXPECT_LT(error(from_lower(got), wanted, length(wanted)), 1e-15);
        EXPECT_LT(
            error(vectors.col(3).segment(first, m), y + wanted * x, length(wanted) * length(x)),
            1e-15);
        // nothing else changes
        EXPECT_EQ(vectors.leftCols(3), start.leftCols(3));
        EXPECT_EQ(vectors.col(3).head(first), start.col(3).head(first));
        EXPECT_EQ(vectors.bottomRows(stride - n), start.bottomRows(stride - n));
        EXPECT_EQ(cells.leftCols(first), before.leftCols(first));
        EXPECT_EQ(cells.bottomRows(stride - n), before.bottomRows(stride - n));
        for (Index j = first; j < n; ++j) EXPECT_EQ(cells.col(j).head(j), before.col(j).head(j));
      }
    }
  }
}

TEST(TridiagonalSpectrum, HasTheClosedFormOfTheSecondDifference) {
  for (const Index n : {1, 2, 5, 31, 32, 200}) {
    SCOPED_TRACE(n);
    const RotatedSpectrum s = hdlmm::tridiagonal_spectrum(
        Vector::Constant(n, 2), Vector::Constant(n - 1, -1), Matrix(0, n), Context());
    Vector wanted(n);
    for (Index j = 0; j < n; ++j) {
      const double half_angle = std::acos(-1) * static_cast<double>(j + 1) / (2.0 * (n + 1));
      wanted[j] = 4 * std::sin(half_angle) * std::sin(half_angle);
    }
    EXPECT_LT(error(s.values, wanted, 4), 1e-15 * std::sqrt(n));
  }
}

TEST(TridiagonalSpectrum, TellsThePairsOfWilkinsonsMatrixApart) {
  // W21+: |i| on the diagonal, i = -10, ..., 10; Wilkinson (1965), The Algebraic Eigenvalue
  // Problem, p. 309
  Vector diagonal(21);
  for (Index i = 0; i < 21; ++i) diagonal[i] = std::abs(static_cast<double>(i) - 10);
  const RotatedSpectrum s =
      hdlmm::tridiagonal_spectrum(diagonal, Vector::Ones(20), Matrix::Identity(21, 21), Context());
  EXPECT_NEAR(s.values[20], 10.746194182903393, 1e-14);
  EXPECT_NEAR(s.values[19], 10.746194182903322, 1e-14);
  EXPECT_NEAR(s.values[0], -1.125441522119984, 1e-14);
  const Matrix w = dense_tridiagonal(diagonal, Vector::Ones(20));
  EXPECT_LT(error(s.rotated * w * s.rotated.transpose(), s.values.asDiagonal(), 10), 1e-14);
}

TEST(TridiagonalSpectrum, SortsADiagonalMatrix) {
  Vector diagonal(5);
  diagonal << 3, -1, 0, 3, 2;
  Matrix f(1, 5);
  f << 1, 2, 3, 4, 5;
  const RotatedSpectrum s = hdlmm::tridiagonal_spectrum(diagonal, Vector::Zero(4), f, Context());
  Vector wanted(5), rotated(5);
  wanted << -1, 0, 2, 3, 3;
  rotated << 2, 3, 5, 1, 4;
  EXPECT_EQ(s.values, wanted);
  EXPECT_EQ(Vector(s.rotated), rotated);
}

TEST(TridiagonalSpectrum, RefusesNumbersThatAreNotFinite) {
  for (const double bad : {std::nan(""), HUGE_VAL}) {
    Vector diagonal = Vector::Ones(5);
    diagonal[3] = bad;
    EXPECT_THROW(hdlmm::tridiagonal_spectrum(diagonal, Vector::Ones(4), Matrix(0, 5), Context()),
                 std::runtime_error);
  }
}

// ---- all of it ----

struct Problem {
  std::string name;
  Matrix k;
};

Matrix with_spectrum(Random& random, const Vector& values) {
  const Index n = values.size();
  const Matrix u = orthonormal_basis(random.normals(n, n));
  return from_lower(u * values.asDiagonal() * u.transpose());
}

Matrix arrow(Index n) {
  Matrix k = Vector::LinSpaced(n, 1, n).asDiagonal();
  k.row(n - 1).setOnes();
  return from_lower(k);
}

std::vector<Problem> problems() {
  Random random(5);
  std::vector<Problem> out;
  for (const Index n : {0, 1, 2, 3, 31, 32, 33, 34, 65, 300}) {
    out.push_back({"random " + std::to_string(n), symmetric(random, n)});
  }
  const Index n = 120;
  const Matrix x = random.normals(n, 20);
  out.push_back({"rank 20", from_lower(x * x.transpose())});
  const Vector one = random.normals(n);
  out.push_back({"rank one", from_lower(one * one.transpose())});
  out.push_back({"zero", Matrix::Zero(n, n)});
  out.push_back({"identity", Matrix::Identity(n, n)});
  out.push_back({"diagonal", random.normals(n).asDiagonal()});
  out.push_back({"constant", Matrix::Ones(n, n)});
  out.push_back({"already a band", dense_band(random_band(random, n, 5))});
  out.push_back({"arrow", arrow(n)});
  Vector values = Vector::Ones(n);
  values.tail(60) += 1e-13 * random.normals(60);
  values.head(3) << 5, 7, 7;
  out.push_back({"clusters", with_spectrum(random, values)});
  for (Index i = 0; i < n; ++i) values[i] = static_cast<double>(i / 30);
  out.push_back({"four values", with_spectrum(random, values)});
  for (Index i = 0; i < n; ++i) values[i] = std::pow(10.0, -0.25 * static_cast<double>(i));
  out.push_back({"thirty orders of magnitude", with_spectrum(random, values)});
  Matrix graded = symmetric(random, n);
  for (Index i = 0; i < n; ++i) {
    const double size = std::pow(10.0, 150 - 2.5 * static_cast<double>(i));
    graded.row(i) *= size;
    graded.col(i) *= size;
  }
  out.push_back({"graded down from 1e300", graded});
  out.push_back({"graded up to 1e300", graded.reverse()});
  out.push_back({"huge", 1e300 * symmetric(random, n)});
  out.push_back({"tiny", 1e-300 * symmetric(random, n)});
  return out;
}

void PrintTo(const Problem& problem, std::ostream* out) { *out << problem.name; }

const std::vector<Index> kWidths = {1, 32};  // one stage, two stages

class TwoStageSpectrum : public ::testing::TestWithParam<Problem> {};

TEST_P(TwoStageSpectrum, GivesFunctionsOfTheMatrixOnTheData) {
  const Matrix& k = GetParam().k;
  const Index n = k.rows();
  const double largest = k.size() == 0 ? 0 : k.cwiseAbs().maxCoeff();
  const double unit = largest > 0 ? largest : 1;  // squares of 1e300 are for no reference
  const Matrix scaled = k / unit;
  Random random(6);
  const Matrix f = random.normals(n, 5);
  const double norm = std::max(1.0, length(scaled)), size = std::max(1.0, f.squaredNorm());
  const Vector wanted = reference_values(scaled);
  for (const KernelLevel level : levels()) {
    for (const Index width : kWidths) {
      SCOPED_TRACE(std::string(hdlmm::name(level)) + ", width " + std::to_string(width));
      const TwoStage s = hdlmm::two_stage_spectrum(lower_only(k), f, width, context_with(level, 2));
      ASSERT_EQ(s.d.size(), n);
      const Vector d = s.d / unit;
      EXPECT_TRUE(std::is_sorted(d.data(), d.data() + n));
      EXPECT_LT(error(d, wanted, norm), 20 * kEps * std::sqrt(std::max<Index>(n, 1)));
      const Matrix& g = s.rotated;
      const auto form = [&](const Vector& weights) {
        return products(g.transpose(), products(weights.asDiagonal(), g));
      };
      EXPECT_LT(error(form(Vector::Ones(n)), products(f.transpose(), f), size), 1e-13);
      const Matrix kf = products(scaled, f);
      EXPECT_LT(error(form(d), products(f.transpose(), kf), size * norm), 1e-13);
      EXPECT_LT(error(form(d.cwiseAbs2()), products(kf.transpose(), kf), size * norm * norm),
                1e-13);
      if (n == 0) continue;
      const Matrix shifted = scaled + 2 * norm * Matrix::Identity(n, n);
      const Vector inverse = (d.array() + 2 * norm).inverse();
      EXPECT_LT(error(form(inverse), f.transpose() * shifted.llt().solve(f), size / norm), 1e-13);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Problems, TwoStageSpectrum, ::testing::ValuesIn(problems()));

TEST(TwoStageSpectrum, FollowsAChangeOfScaleToTheLastBit) {
  Random random(7);
  const Matrix k = symmetric(random, 90), f = random.normals(90, 3);
  for (const Index width : kWidths) {
    const TwoStage one = hdlmm::two_stage_spectrum(Matrix(k), f, width, Context());
    for (const int exponent : {-900, -20, 900}) {
      const double scale = std::ldexp(1.0, exponent);
      const TwoStage other = hdlmm::two_stage_spectrum(scale * k, f, width, Context());
      EXPECT_EQ(other.d, Vector(scale * one.d));
      EXPECT_EQ(other.rotated, one.rotated);
      EXPECT_EQ(other.gram.band, Matrix(scale * one.gram.band));
    }
  }
}

TEST(TwoStageSpectrum, DoesNotDependOnTheNumberOfThreads) {
  Random random(8);
  const Matrix k = symmetric(random, 520), f = random.normals(520, 11);  // threads from 512 on
  for (const KernelLevel level : levels()) {
    SCOPED_TRACE(hdlmm::name(level));
    const TwoStage one = hdlmm::two_stage_spectrum(Matrix(k), f, context_with(level, 1));
    for (const int n_threads : {2, 5}) {
      const TwoStage s = hdlmm::two_stage_spectrum(Matrix(k), f, context_with(level, n_threads));
      EXPECT_EQ(s.d, one.d);
      EXPECT_EQ(s.rotated, one.rotated);
      EXPECT_EQ(s.gram.band, one.gram.band);
    }
  }
}

TEST(TwoStageSpectrum, TakesNoDataAtAll) {
  Random random(9);
  const Matrix k = symmetric(random, 70);
  for (const Index width : kWidths) {
    const TwoStage s = hdlmm::two_stage_spectrum(Matrix(k), Matrix(70, 0), width, Context());
    EXPECT_LT(error(s.d, reference_values(k), k.norm()), 1e-14);
    EXPECT_EQ(s.rotated.rows(), 70);
    EXPECT_EQ(s.rotated.cols(), 0);
  }
}

TEST(TwoStageSpectrum, RefusesWhatItCannotDo) {
  Random random(10);
  EXPECT_THROW(hdlmm::two_stage_spectrum(Matrix::Zero(3, 3), Matrix::Zero(4, 1), Context()),
               std::invalid_argument);
  for (const double bad : {std::nan(""), HUGE_VAL}) {
    for (const Index at : {0, 50, 99}) {
      Matrix k = symmetric(random, 100);
      k(at, at) = bad;
      for (const Index width : kWidths) {
        EXPECT_THROW(hdlmm::two_stage_spectrum(Matrix(k), Matrix::Zero(100, 1), width, Context()),
                     std::runtime_error);
      }
    }
  }
}

struct Interrupted {};  // not a std::exception, as that of the host

TEST(TwoStageSpectrum, GivesWayToAnInterruptWhileThreadsWaitForEachOther) {
  Random random(12);
  const Matrix k = symmetric(random, 520), f = random.normals(520, 2);
  int n_polls = 0;
  Context counting = context_with(hdlmm::best_kernel_level(), 3);
  counting.poll = [&] { ++n_polls; };
  hdlmm::two_stage_spectrum(Matrix(k), f, counting);
  for (int part = 1; part < 10; ++part) {
    Context context = counting;
    int left = n_polls * part / 20 + 1;  // how often the caller polls depends on the other threads
    context.poll = [&] {
      if (--left == 0) throw Interrupted();
    };
    EXPECT_THROW(hdlmm::two_stage_spectrum(Matrix(k), f, context), Interrupted);
  }
}

TEST(TwoStageSpectrum, GivesWayToAnInterruptAtAnyMoment) {
  Random random(11);
  const Matrix k = symmetric(random, 200), f = random.normals(200, 2);
  for (const Index width : kWidths) {
    const TwoStage wanted = hdlmm::two_stage_spectrum(Matrix(k), f, width, Context());
    for (const int n_threads : {1, 2, 4}) {
      int n_polls = 0;
      Context counting = context_with(hdlmm::best_kernel_level(), n_threads);
      counting.poll = [&] { ++n_polls; };
      hdlmm::two_stage_spectrum(Matrix(k), f, width, counting);
      ASSERT_GT(n_polls, 10);
      for (int last = 1; last < n_polls / 2; ++last) {
        Context context = counting;
        int left = last;
        context.poll = [&] {
          if (--left == 0) throw Interrupted();
        };
        EXPECT_THROW(hdlmm::two_stage_spectrum(Matrix(k), f, width, context), Interrupted);
      }
      const TwoStage again = hdlmm::two_stage_spectrum(Matrix(k), f, width, counting);
      EXPECT_EQ(again.rotated, wanted.rotated);
    }
  }
}

TEST(TwoStageSpectrum, ReportsItsProgress) {
  Random random(12);
  std::vector<std::string> stages;
  double last = 0;
  Context context;
  context.progress = [&](const std::string& stage, double fraction) {
    if (stages.empty() || stages.back() != stage) {
      stages.push_back(stage);
      last = 0;
    }
    EXPECT_GE(fraction, last);
    EXPECT_LE(fraction, 1);
    last = fraction;
  };
  hdlmm::two_stage_spectrum(symmetric(random, 200), Matrix::Zero(200, 1), 32, context);
  EXPECT_EQ(stages, (std::vector<std::string>{"reduction to a band", "band to tridiagonal",
                                              "tridiagonal to diagonal"}));
  stages.clear();
  hdlmm::two_stage_spectrum(symmetric(random, 200), Matrix::Zero(200, 1), 1, context);
  EXPECT_EQ(stages, (std::vector<std::string>{"reduction to a band", "tridiagonal to diagonal"}));
}

// ---- linear systems ----

TEST(BandCholesky, SolvesAndKnowsTheDeterminant) {
  for (const Index n : {1, 2, 7, 8, 9, 64, 100}) {
    for (const Index width : {0, 1, 4, 8, 30}) {
      SCOPED_TRACE("n = " + std::to_string(n) + ", width " + std::to_string(width));
      Random random(13);
      const Matrix band = random_band(random, n, width), f = random.normals(n, 3);
      const double alpha = 0.7, nu = 10.0 * static_cast<double>(width + 1);
      const Matrix dense = alpha * dense_band(band) + nu * Matrix::Identity(n, n);
      EXPECT_LT(error(hdlmm::multiply_band(band, alpha, nu, f), dense * f, length(dense)), 1e-14);
      hdlmm::BandCholesky factor;
      ASSERT_TRUE(factor.factor(band, alpha, nu));
      Matrix x = f;
      factor.solve_in_place(x);
      EXPECT_LT(distance(x, dense.llt().solve(f)), 1e-14);
      EXPECT_NEAR(factor.log_determinant(), reference_values(dense).array().log().sum(),
                  1e-13 * static_cast<double>(n));
    }
  }
}

TEST(BandCholesky, SaysWhenTheMatrixIsNotPositiveDefinite) {
  Random random(14);
  for (const Index n : {1, 5, 40}) {
    Matrix band = random_band(random, n, 3);
    band.row(0).array() += 20;
    hdlmm::BandCholesky factor;
    EXPECT_TRUE(factor.factor(band, 1, 0));
    EXPECT_FALSE(factor.factor(band, -1, 0));
    band(0, n - 1) = -21;
    EXPECT_FALSE(factor.factor(band, 1, 1));
    band(0, n - 1) = std::nan("");
    EXPECT_FALSE(factor.factor(band, 1, 1));
  }
}

TEST(TwoStageSolve, InvertsTheShiftedMatrix) {
  for (const Index n : {0, 1, 2, 20, 33, 200}) {
    SCOPED_TRACE(n);
    Random random(15);
    const Matrix x = random.normals(n, 30), k = from_lower(products(x, x.transpose()));
    const Matrix f = random.normals(n, 4);
    const TwoStage system = hdlmm::two_stage_spectrum(Matrix(k), f, Context());
    for (const double nu : {1e-3, 1.0, 1e3}) {
      const auto solution = hdlmm::solve(system.gram, 0.3, nu, f, Context());
      ASSERT_TRUE(solution.has_value());
      const Matrix dense = 0.3 * k + nu * Matrix::Identity(n, n);
      EXPECT_LT(
          error(products(dense, *solution), f, std::max(1.0, length(dense) * length(*solution))),
          1e-14);
    }
  }
}

TEST(TwoStageSolve, IsEmptyWhenThereIsNoInverse) {
  const TwoStage system =
      hdlmm::two_stage_spectrum(-Matrix::Identity(40, 40), Matrix::Zero(40, 1), Context());
  EXPECT_FALSE(hdlmm::solve(system.gram, 1, 0.5, Matrix::Zero(40, 1), Context()).has_value());
}

}  // namespace
}  // namespace hdlmm_test
