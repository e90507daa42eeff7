// ServeCommand: `shoal serve`: no prompt, what happens goes to the log.
#pragma once

#include "console_front_end.hpp"

namespace shoal::cli {

class ServeCommand : public ConsoleFrontEnd {
  public:
    explicit ServeCommand(const Options& options);

    void deliver(const peer::Event& event) override;
    void handle_signal(int signal, TimePoint now) override;
    [[nodiscard]] bool reloads_on_hangup() const override { return true; }
    [[nodiscard]] std::optional<int> finished() const override;

  private:
    bool json_;
    bool stopped_{false};
};

}  // namespace shoal::cli
