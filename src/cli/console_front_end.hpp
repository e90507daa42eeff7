// ConsoleFrontEnd: what all front ends have in common, which is the console's share of the
// requester's loop.
#pragma once

#include "console.hpp"
#include "fetches.hpp"
#include "shoal/peer/front_end.hpp"

namespace shoal::cli {

class ConsoleFrontEnd : public peer::FrontEnd {
  public:
    ConsoleFrontEnd(const Options& options, Console::Input input) : console_(options, input) {}

    void start(peer::PeerApi& api, TimePoint) override {
        fetches_.start(api, *this);
        console_.start(fetches_);
    }
    [[nodiscard]] int input_fd() const override { return console_.log_fd(); }
    void handle_input(TimePoint) override { console_.show_log(); }
    [[nodiscard]] int output_fd() const override { return console_.output_fd(); }
    void handle_output(TimePoint) override { console_.handle_output(); }
    [[nodiscard]] std::optional<TimePoint> next_timeout() const override {
        return console_.next_timeout();
    }
    void handle_timeout(TimePoint now) override { console_.handle_timeout(now); }
    void close() override { console_.close(); }

  protected:
    Console console_;
    Fetches fetches_;
};

// 128 and the signal's number, as shells count.
inline int signal_code(int signal) { return 128 + signal; }

}  // namespace shoal::cli
