// GetCommand: `shoal get NAME...`.
#pragma once

#include <deque>
#include <string>

#include "console_front_end.hpp"
#include "reporter.hpp"

namespace shoal::cli {

class GetCommand : public ConsoleFrontEnd {
  public:
    explicit GetCommand(const Options& options);

    void start(peer::PeerApi& api, TimePoint now) override;
    void deliver(const peer::Event& event) override;
    void handle_signal(int signal, TimePoint now) override;
    [[nodiscard]] std::optional<int> finished() const override;

  private:
    void order_more();

    peer::FetchOrder rules_;
    bool stay_;
    Reporter reporter_;
    std::deque<std::string> waiting_;
    int signal_{0};
};

}  // namespace shoal::cli
