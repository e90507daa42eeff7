// LogQueue: takes the log's lines from every thread and hands them to the one that draws.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "shoal/base/fd.hpp"
#include "shoal/base/guarded.hpp"

namespace shoal::cli {

class LogQueue {
  public:
    LogQueue();  // from now on the log goes here
    LogQueue(const LogQueue&) = delete;
    LogQueue& operator=(const LogQueue&) = delete;
    ~LogQueue();  // stderr gets what nobody took

    // Readable while lines wait; -1 when the system has no descriptor to spare.
    [[nodiscard]] int fd() const { return wake_.get(); }
    // The lines since the last call, each without its line end.
    std::vector<std::string> take();

  private:
    struct Waiting {
        std::vector<std::string> lines;
        std::size_t bytes{0};
        std::size_t dropped{0};
    };
    Fd wake_;
    Guarded<Waiting> waiting_;
};

}  // namespace shoal::cli
