// SearchCommand: `shoal search QUESTION`.
#pragma once

#include "console_front_end.hpp"

namespace shoal::cli {

class SearchCommand : public ConsoleFrontEnd {
  public:
    explicit SearchCommand(const Options& options);

    void start(peer::PeerApi& api, TimePoint now) override;
    void deliver(const peer::Event& event) override;
    void handle_signal(int signal, TimePoint now) override;
    [[nodiscard]] std::optional<int> finished() const override;

  private:
    SearchRequest request_;
    std::optional<int> code_;
};

}  // namespace shoal::cli
