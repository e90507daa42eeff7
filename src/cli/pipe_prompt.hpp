// PipePrompt: the prompt for what is no terminal: commands from a pipe or a file, plain lines out.
#pragma once

#include <atomic>

#include "console_front_end.hpp"
#include "input_set.hpp"
#include "line_splitter.hpp"
#include "session.hpp"

namespace shoal::cli {

class PipePrompt : public ConsoleFrontEnd {
  public:
    explicit PipePrompt(const Options& options);

    void start(peer::PeerApi& api, TimePoint now) override;
    void deliver(const peer::Event& event) override;
    [[nodiscard]] int input_fd() const override { return inputs_.fd(); }
    void handle_input(TimePoint now) override;
    [[nodiscard]] std::optional<TimePoint> next_timeout() const override;
    void handle_timeout(TimePoint now) override;
    void handle_signal(int signal, TimePoint now) override;
    [[nodiscard]] bool outlives_interrupt() const override { return typed_ && !leaving_; }
    [[nodiscard]] std::optional<int> finished() const override;

  private:
    [[nodiscard]] bool may_take_more() const;
    void read_input();
    void take_lines();
    void show_prompt();
    void give_up_if_typed();

    bool typed_;        // at a terminal that cannot be drawn on
    bool at_terminal_;  // and what is shown stands there, too
    peer::PeerApi* api_{nullptr};
    Session session_;
    InputSet inputs_;
    LineSplitter lines_;
    bool input_ended_{false};
    bool warned_{false};  // that Ctrl-C once more quits
    std::atomic<bool> leaving_{false};
    int signal_{0};
};

}  // namespace shoal::cli
