// ListCommand: `shoal list [PREFIX]`.
#pragma once

#include <string>

#include "console_front_end.hpp"

namespace shoal::cli {

class ListCommand : public ConsoleFrontEnd {
  public:
    explicit ListCommand(const Options& options);

    void start(peer::PeerApi& api, TimePoint now) override;
    void deliver(const peer::Event& event) override;
    void handle_signal(int signal, TimePoint now) override;
    [[nodiscard]] std::optional<int> finished() const override;

  private:
    std::string prefix_;
    unsigned wait_hosts_;
    Duration timeout_;
    bool json_;
    std::optional<int> code_;
};

constexpr std::size_t list_rows_max = 1'000'000;

}  // namespace shoal::cli
