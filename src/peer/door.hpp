// Door: PeerApi over the requester's mailbox.
#pragma once

#include <atomic>

#include "peer/mail.hpp"
#include "shoal/peer/peer_api.hpp"

namespace shoal::peer {

class Door final : public PeerApi {
  public:
    explicit Door(Wiring& wiring) : wiring_(wiring) {}

    FetchId fetch(FetchOrder order, EventSink& sink) override;
    void cancel(FetchId fetch) override;
    std::uint64_t list(std::string prefix, std::size_t rows_max, unsigned wait_hosts,
                       Duration timeout, EventSink& sink) override;
    std::uint64_t search(SearchOrder order, EventSink& sink) override;
    void cancel_search(std::uint64_t order) override;
    std::uint64_t peers(EventSink& sink) override;
    std::uint64_t status(EventSink& sink) override;
    void set_limits(std::optional<std::uint64_t> upload,
                    std::optional<std::uint64_t> download) override;
    void forget_sink(EventSink& sink) override;

  private:
    Wiring& wiring_;
    std::atomic<std::uint64_t> next_{1};
};

}  // namespace shoal::peer
