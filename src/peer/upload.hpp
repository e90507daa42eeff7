// PeerUpload: a draft of shared/ in the hands of a gateway.
#pragma once

#include <memory>
#include <optional>

#include "peer/mail.hpp"

namespace shoal::peer {

class PeerUpload final : public Upload {
  public:
    PeerUpload(Wiring& wiring, store::Draft draft, std::uint64_t kept)
        : wiring_(wiring), life_(wiring.life), draft_(std::move(draft)), kept_(kept) {}
    ~PeerUpload() override {
        if (draft_ && !life_.expired()) {
            wiring_.keeper.post(EditMail(AbandonUpload{std::move(*draft_)}));
        }
    }
    PeerUpload(const PeerUpload&) = delete;
    PeerUpload& operator=(const PeerUpload&) = delete;

    [[nodiscard]] int fd() const override { return draft_ ? draft_->fd() : -1; }
    [[nodiscard]] std::uint64_t kept() const override { return kept_; }
    void commit(CommitOrder order, Callback<Published> callback) override;

  private:
    Wiring& wiring_;
    std::weak_ptr<const bool> life_;
    std::optional<store::Draft> draft_;
    std::uint64_t kept_;
};

}  // namespace shoal::peer
