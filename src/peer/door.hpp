// Door: GatewayApi over the mailboxes of requester and keeper.
#pragma once

#include <atomic>

#include "peer/mail.hpp"
#include "shoal/peer/gateway_api.hpp"

namespace shoal::peer {

class Door final : public GatewayApi {
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
    std::size_t served_now() override;
    void set_limits(std::optional<std::uint64_t> upload,
                    std::optional<std::uint64_t> download) override;
    void forget_sink(EventSink& sink) override;

    // For gateways (door_files.cpp).
    void browse(std::string folder, Callback<FolderViewPtr> answer) override;
    void lookup(std::string name, Callback<TreeEntry> answer) override;
    void lookup_hashed(std::string name, Callback<TreeEntry> answer) override;
    void lookup_here(std::string name, Callback<TreeEntry> answer) override;
    void open(OpenOrder order, std::function<void()> news, Callback<ReadStreamPtr> answer) override;
    void upload(UploadOrder order, Callback<UploadPtr> answer) override;
    void remove(std::string name, Callback<void> answer) override;
    void make_folder(std::string name, Callback<void> answer) override;
    void remove_folder(std::string name, Callback<void> answer) override;
    void rename(std::string from, std::string to, bool replace, Callback<void> answer) override;
    void set_mtime(std::string name, std::int64_t seconds, Callback<void> answer) override;
    Ticket sha256(std::string name, std::uint64_t begin, std::uint64_t end,
                  Callback<std::string> answer) override;
    [[nodiscard]] std::uint32_t hosts_connected() const override;

  private:
    void look_up(std::string name, bool hashed, Callback<TreeEntry> answer);
    Callback<void> explained(std::string name, Callback<void> callback);
    Callback<void> gone(std::string name, std::string done, Callback<void> callback);

    Wiring& wiring_;
    std::atomic<std::uint64_t> next_{1};
};

}  // namespace shoal::peer
