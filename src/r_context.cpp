#define USE_FC_LEN_T
#include "r_context.h"

#include <string>
#include <vector>

#include <R_ext/Lapack.h>

#ifndef FCONE
#define FCONE
#endif

namespace {

// dsyevr rather than dsyevd: its workspace does not overflow an int at n = 32767.
hdlmm::Vector lapack_eigensolver(hdlmm::Matrix& a, bool vectors) {
  const int n = static_cast<int>(a.rows());
  hdlmm::Vector values(n);
  hdlmm::Matrix basis(vectors ? n : 1, vectors ? n : 1);
  std::vector<int> support(2 * static_cast<std::size_t>(n));
  const char* job = vectors ? "V" : "N";
  const double zero = 0;
  const int one = 1, ld = vectors ? n : 1;
  int found = 0, info = 0, lwork = -1, liwork = -1, best_iwork = 0;
  double best_work = 0;
  F77_CALL(dsyevr)
  (job, "A", "L", &n, a.data(), &n, &zero, &zero, &one, &one, &zero, &found, values.data(),
   basis.data(), &ld, support.data(), &best_work, &lwork, &best_iwork, &liwork,
   &info FCONE FCONE FCONE);
  lwork = static_cast<int>(best_work);
  liwork = best_iwork;
  std::vector<double> work(static_cast<std::size_t>(lwork));
  std::vector<int> iwork(static_cast<std::size_t>(liwork));
  F77_CALL(dsyevr)
  (job, "A", "L", &n, a.data(), &n, &zero, &zero, &one, &one, &zero, &found, values.data(),
   basis.data(), &ld, support.data(), work.data(), &lwork, iwork.data(), &liwork,
   &info FCONE FCONE FCONE);
  if (info != 0) throw std::runtime_error("LAPACK's dsyevr failed");
  if (vectors) a.swap(basis);
  return values;
}

}  // namespace

hdlmm::Context make_context(const Rcpp::List& host) {
  hdlmm::Context context;
  context.n_threads = Rcpp::as<int>(host["threads"]);
  context.eigensolver = lapack_eigensolver;
  context.poll = [] { Rcpp::checkUserInterrupt(); };
  const SEXP progress = host["progress"];
  if (!Rf_isNull(progress)) {
    const Rcpp::Function report(progress);
    context.progress = [report](const std::string& stage, double fraction) {
      report(stage, fraction);
    };
  }
  return context;
}
