#define USE_FC_LEN_T
#include "r_context.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <R_ext/Lapack.h>

#include "hdlmm/base/random.hpp"
#include "hdlmm/linalg/two_stage.hpp"

#include "r_list.h"

#ifndef FCONE
#define FCONE
#endif

namespace {

constexpr hdlmm::Index kWorthAThread = 400;
// a few milliseconds
constexpr R_xlen_t kDrawsBetweenPolls = 1 << 16, kCellsBetweenPolls = 1 << 20;

struct EigenProblem {
  hdlmm::Matrix a;
  hdlmm::Vector values;
  int info = 0;

  void run();
};

// dsyevr rather than dsyevd: its workspace does not overflow an int at n = 32767.
void EigenProblem::run() {
  const int n = static_cast<int>(a.rows());
  values.resize(n);
  hdlmm::Matrix basis(n, n);
  std::vector<int> support(2 * static_cast<std::size_t>(n));
  const double zero = 0;
  const int one = 1;
  int found = 0, lwork = -1, liwork = -1, best_iwork = 0;
  double best_work = 0;
  const auto call = [&](double* work, int* iwork) {
    F77_CALL(dsyevr)
    ("V", "A", "L", &n, a.data(), &n, &zero, &zero, &one, &one, &zero, &found, values.data(),
     basis.data(), &n, support.data(), work, &lwork, iwork, &liwork, &info FCONE FCONE FCONE);
  };
  call(&best_work, &best_iwork);
  lwork = static_cast<int>(best_work);
  liwork = best_iwork;
  std::vector<double> work(static_cast<std::size_t>(lwork));
  std::vector<int> iwork(static_cast<std::size_t>(liwork));
  call(work.data(), iwork.data());
  a.swap(basis);
}

// A = P R'R P' for a semidefinite A, whose upper triangle is read; what is left of it when no pivot
// is positive is taken for zero.
struct RootProblem {
  hdlmm::Matrix a;  ///< then R
  std::vector<int> pivot;

  void run() {
    const int n = static_cast<int>(a.rows());
    pivot.resize(static_cast<std::size_t>(n));
    std::vector<double> work(2 * static_cast<std::size_t>(n));
    double own_tolerance = -1;  // LAPACK's own
    int rank = 0, info = 0;
    F77_CALL(dpstrf)
    ("U", &n, a.data(), &n, pivot.data(), &rank, &own_tolerance, work.data(), &info FCONE);
    for (int j = 0; j < n; ++j) a.col(j).tail(n - j - 1).setZero();
    a.bottomRows(n - rank).setZero();
  }
};

// Threads that an interrupt has left to finish. Never destroyed: they are joined before R exits
// (see .onLoad), for OpenBLAS waits for ever at exit when its caller was killed half way.
std::vector<std::thread>& orphans() {
  static auto* list = new std::vector<std::thread>;
  return *list;
}

// LAPACK cannot be interrupted: it runs beside the main thread, which goes on listening. After an
// interrupt the thread is left to finish on the memory that it shares, and its result is dropped.
template <typename Problem>
void run_interruptibly(const std::shared_ptr<Problem>& problem, const std::function<void()>& poll) {
  std::packaged_task<void()> task([problem] { problem->run(); });
  std::future<void> done = task.get_future();
  std::thread worker;
  try {
    worker = std::thread(std::move(task));
  } catch (const std::system_error&) {  // no more threads to be had: it runs here, deaf
    return problem->run();
  }
  try {
    while (done.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) poll();
  } catch (...) {  // the interrupt goes on to R
    orphans().push_back(std::move(worker));
    throw;
  }
  worker.join();
  done.get();
}

// Eigenvalues; a [n x n] becomes their vectors.
hdlmm::Vector lapack_eigensolver(hdlmm::Matrix& a, const std::function<void()>& poll) {
  if (a.rows() > std::numeric_limits<int>::max() / 32) {
    throw std::length_error("the smaller side of the design is too large for LAPACK");
  }
  const auto problem = std::make_shared<EigenProblem>();
  problem->a.swap(a);
  if (problem->a.rows() < kWorthAThread) {
    problem->run();
  } else {
    run_interruptibly(problem, poll);
  }
  if (problem->info != 0) throw std::runtime_error("LAPACK's dsyevr failed");
  a.swap(problem->a);
  return std::move(problem->values);
}

// Eigenvalues without vectors cost a fraction of LAPACK's; vectors about half of what the reference
// BLAS takes, and three times what an optimised one does.
hdlmm::Vector two_stage_eigensolver(hdlmm::Matrix& a, bool vectors, const hdlmm::Context& context) {
  const hdlmm::Index n = a.rows();
  hdlmm::TwoStage spectrum =
      hdlmm::two_stage_spectrum(std::move(a), hdlmm::Matrix::Identity(n, vectors ? n : 0), context);
  if (vectors) a = spectrum.rotated.transpose();
  return std::move(spectrum.d);
}

// "portable", "avx2" or "avx512", never above what the processor has; "" is the best there is.
hdlmm::KernelLevel as_kernel_level(const std::string& name) {
  if (name.empty()) return hdlmm::best_kernel_level();
  if (name == "portable") return hdlmm::KernelLevel::portable;
  if (name == "avx2") return hdlmm::usable(hdlmm::KernelLevel::avx2);
  if (name == "avx512") return hdlmm::usable(hdlmm::KernelLevel::avx512);
  throw std::out_of_range("no such instruction set: " + name);
}

}  // namespace

hdlmm::Context make_context(const Rcpp::List& host) {
  hdlmm::Context context;
  context.n_threads = Rcpp::as<int>(host["threads"]);
  context.kernels = as_kernel_level(Rcpp::as<std::string>(host["kernels"]));
  context.poll = [] { Rcpp::checkUserInterrupt(); };
  const bool has_own_vectors = Rcpp::as<bool>(host["own_eigenvectors"]);
  context.eigensolver = [has_own_vectors, own = context](hdlmm::Matrix& a, bool vectors) {
    if (vectors && !has_own_vectors) return lapack_eigensolver(a, own.poll);
    return two_stage_eigensolver(a, vectors, own);
  };
  const SEXP progress = host["progress"];
  if (!Rf_isNull(progress)) {
    const Rcpp::Function report(progress);
    context.progress = [report](const std::string& stage, double fraction) {
      report(stage, fraction);
    };
  }
  return context;
}

hdlmm::Context polling_context() {
  hdlmm::Context context;
  context.poll = [] { Rcpp::checkUserInterrupt(); };
  return context;
}

// list(root = R [n x n], pivot [n]) as of chol(m, pivot = TRUE), for a semidefinite m.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_pivoted_root(const Eigen::Map<Eigen::MatrixXd> m) {
  const auto problem = std::make_shared<RootProblem>();
  problem->a = m;
  if (m.rows() < kWorthAThread) {
    problem->run();
  } else {
    run_interruptibly(problem, [] { Rcpp::checkUserInterrupt(); });
  }
  return make_list({{"root", problem->a}, {"pivot", problem->pivot}});
}

// Normals of R's generator [rows x columns], as rnorm() gives them but interrupted on request.
// [[Rcpp::export]]
Rcpp::NumericMatrix cpp_normals(double rows, double columns) {
  Rcpp::NumericMatrix out(Rcpp::no_init(static_cast<int>(rows), static_cast<int>(columns)));
  for (R_xlen_t i = 0; i < out.size(); ++i) {
    if (i % kDrawsBetweenPolls == 0) Rcpp::checkUserInterrupt();
    out[i] = norm_rand();
  }
  return out;
}

// The same for chi^2 with df degrees of freedom.
// [[Rcpp::export]]
Rcpp::NumericVector cpp_chi_squares(double count, double df) {
  Rcpp::NumericVector out(Rcpp::no_init(static_cast<R_xlen_t>(count)));
  for (R_xlen_t i = 0; i < out.size(); ++i) {
    if (i % kDrawsBetweenPolls == 0) Rcpp::checkUserInterrupt();
    out[i] = R::rchisq(df);
  }
  return out;
}

// A permutation of 1 .. n that depends on (seed, stream) alone, by Fisher and Yates.
// [[Rcpp::export(rng = false)]]
Rcpp::IntegerVector cpp_permutation(double seed, double stream, int n) {
  hdlmm::Random random(static_cast<std::uint64_t>(static_cast<std::int64_t>(seed)),
                       static_cast<std::uint64_t>(stream));
  Rcpp::IntegerVector out(Rcpp::no_init(n));
  for (int i = 0; i < n; ++i) {
    const int j = static_cast<int>(random.below(static_cast<std::uint64_t>(i) + 1));
    out[i] = out[j];
    out[j] = i + 1;
  }
  return out;
}

// A matrix of zeros: memory that is new to the process takes time to be written for the first time.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix cpp_zeros(double rows, double columns) {
  Rcpp::NumericMatrix out(Rcpp::no_init(static_cast<int>(rows), static_cast<int>(columns)));
  for (R_xlen_t first = 0; first < out.size(); first += kCellsBetweenPolls) {
    Rcpp::checkUserInterrupt();
    std::fill(out.begin() + first, out.begin() + std::min(out.size(), first + kCellsBetweenPolls),
              0.0);
  }
  return out;
}

// Between blocks of work in R, whose own checks are hundreds of evaluations apart.
// [[Rcpp::export(rng = false)]]
void cpp_poll() { Rcpp::checkUserInterrupt(); }

// Wait for work that interrupts have left behind.
// [[Rcpp::export(rng = false)]]
void cpp_join_orphans() {
  for (std::thread& worker : orphans()) worker.join();
  orphans().clear();
}
