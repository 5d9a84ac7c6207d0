#ifndef HDLMM_CORE_PARALLEL_HPP
#define HDLMM_CORE_PARALLEL_HPP

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "hdlmm/core/context.hpp"

namespace hdlmm {

/// Run task(block) for block = 0 .. n_blocks - 1 on up to context.n_threads threads.
///
/// Tasks must write to disjoint places: then the result cannot depend on the thread count. The
/// first exception stops the rest and is rethrown here. Threads live for one call only, so a
/// process forked afterwards is safe. The host is polled on the calling thread alone.
template <typename Task>
void parallel_for(const Context& context, Index n_blocks, Task&& task) {
  std::atomic<Index> next{0};
  std::atomic<bool> stop{false};
  std::exception_ptr failure;
  std::mutex failure_mutex;

  auto work = [&](bool is_caller) {
    try {
      for (Index block = next++; block < n_blocks && !stop; block = next++) {
        if (is_caller) context.poll();
        task(block);
      }
    } catch (...) {  // kept for the caller: rethrown after the join
      std::lock_guard<std::mutex> lock(failure_mutex);
      if (!failure) failure = std::current_exception();
      stop = true;
    }
  };

  const Index n_workers = std::min<Index>(context.n_threads, n_blocks) - 1;
  std::vector<std::thread> workers;
  for (Index i = 0; i < n_workers; ++i) {
    try {
      workers.emplace_back(work, false);
    } catch (const std::system_error&) {
      break;  // no more threads to be had: the caller does the rest
    }
  }
  work(true);
  for (std::thread& worker : workers) worker.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace hdlmm

#endif  // HDLMM_CORE_PARALLEL_HPP
