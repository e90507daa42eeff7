// TerminalPrompt: the prompt at a keyboard: line editor below, progress above it.
#pragma once

#include <string>
#include <vector>

#include "console_front_end.hpp"
#include "history.hpp"
#include "input_set.hpp"
#include "line_editor.hpp"
#include "session.hpp"
#include "terminal.hpp"

namespace shoal::cli {

class TerminalPrompt : public ConsoleFrontEnd {
  public:
    explicit TerminalPrompt(const Options& options);

    void start(peer::PeerApi& api, TimePoint now) override;
    void deliver(const peer::Event& event) override;
    [[nodiscard]] int input_fd() const override { return inputs_.fd(); }
    void handle_input(TimePoint now) override;
    void handle_signal(int signal, TimePoint now) override;
    // While its terminal is still there; when that has hung up, the prompt ends.
    [[nodiscard]] bool reloads_on_hangup() const override { return terminal_.is_there(); }
    [[nodiscard]] std::optional<int> finished() const override;
    void close() override;

  private:
    void act(const LineEditor::Action& action);
    void take_line(const std::string& line);
    void interrupt();
    void suspend();
    void terminal_gone();
    void quit(int code);
    void ask_for_names();
    void complete_line();
    void draw();
    void remember(const std::string& line);

    Session session_;
    InputSet inputs_;
    Terminal terminal_;
    bool hangup_ignored_;  // at the start
    bool detached_{false};
    History history_;
    std::string history_path_;
    bool history_works_{true};
    LineEditor editor_;

    peer::PeerApi* api_{nullptr};
    std::vector<std::string> names_;  // of the swarm, as Tab knows them
    TimePoint names_time_{};
    std::uint64_t names_order_{0};  // 0: none is on its way
    std::string completing_;        // the line for which it is

    bool warned_{false};       // the next Ctrl-C ends it
    std::optional<int> code_;  // once it is to end
    bool at_once_{false};
};

}  // namespace shoal::cli
