#ifndef HDLMM_BASE_PARALLEL_HPP
#define HDLMM_BASE_PARALLEL_HPP

#include <functional>

#include "hdlmm/base/context.hpp"

namespace hdlmm {

/// Run task(block) for block = 0 .. n_blocks - 1 on up to context.n_threads threads.
///
/// Tasks must write to disjoint places: then the result cannot depend on the thread count. The
/// first exception stops the rest and is rethrown here. Threads live for one call only, so a
/// process forked afterwards is safe. The host is polled on the calling thread alone.
void parallel_for(const Context& context, Index n_blocks, const std::function<void(Index)>& task);

}  // namespace hdlmm

#endif  // HDLMM_BASE_PARALLEL_HPP
