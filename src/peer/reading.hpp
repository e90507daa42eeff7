// The streams that gateways read from, and Reading, what such a stream shares with the
// requester while its content is under way.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "peer/mail.hpp"
#include "shoal/store/partial_file.hpp"

namespace shoal::peer {

// How a file is to what it was when it was hashed.
enum class Sameness {
    same,
    unproven,  // only its status was changed (links, mode, attributes, owner), or its content was,
               // with the time set back: hashing it once more tells
    changed,
};
// A file that was deleted or replaced while it is read has the content it had: only its number of
// links is another.
Sameness sameness_of(const store::Stamp& hashed, const store::Stamp& now, bool deleted);

// A file that is here, with the stamp it was hashed under. When its status changes while it is
// read, it is hashed again before more of it is read.
class LocalStream final : public ReadStream {
  public:
    LocalStream(Wiring& wiring, TreeEntry entry, std::shared_ptr<const store::HeldFile> file, Fd fd,
                std::function<void()> news)
        : wiring_(wiring),
          life_(wiring.life),
          entry_(std::move(entry)),
          file_(std::move(file)),
          fd_(std::move(fd)),
          news_(std::move(news)) {}

    [[nodiscard]] const TreeEntry& entry() const override { return entry_; }
    [[nodiscard]] int fd() const override { return fd_.get(); }
    [[nodiscard]] Result<std::uint64_t> readable_to(std::uint64_t from) override;

  private:
    // What hashing it again has found; shared with main.
    struct Proof {
        bool under_way{false};
        std::optional<Result<store::Stamp>> outcome;  // under which the content is as it was
    };
    Result<std::uint64_t> prove(const store::Stamp& now, std::uint64_t from);
    [[nodiscard]] Error changed() const;

    Wiring& wiring_;
    std::weak_ptr<const bool> life_;
    TreeEntry entry_;
    std::shared_ptr<const store::HeldFile> file_;
    Fd fd_;
    std::function<void()> news_;
    std::optional<store::Stamp> proven_;
    std::shared_ptr<Guarded<Proof>> proof_ = std::make_shared<Guarded<Proof>>();
    Ticket ticket_;
};

// Verified content in a file without a name (memfd): it is saved meanwhile.
class MemoryStream final : public ReadStream {
  public:
    MemoryStream(TreeEntry entry, Fd fd) : entry_(std::move(entry)), fd_(std::move(fd)) {}

    [[nodiscard]] const TreeEntry& entry() const override { return entry_; }
    [[nodiscard]] int fd() const override { return fd_.get(); }
    [[nodiscard]] Result<std::uint64_t> readable_to(std::uint64_t) override { return entry_.size; }

  private:
    TreeEntry entry_;
    Fd fd_;
};

// One reader of a content that arrives.
class Reading {
  public:
    Reading(std::uint64_t offset, std::function<void()> news)
        : news_(std::move(news)), state_(State{nullptr, 0, {}, offset, false, false}) {}

    // The reader's thread.
    Result<std::uint64_t> readable_to(std::uint64_t from);
    [[nodiscard]] int fd() const { return current_ ? current_->fd() : -1; }
    void leave();

    // The requester's.
    void set_partial(std::shared_ptr<store::PartialFile> partial);
    // Tells the reader when what it waits for has come.
    void look();
    void fail(const Error& error);
    [[nodiscard]] bool has_left() const;
    [[nodiscard]] std::uint64_t position() const;

  private:
    struct State {
        std::shared_ptr<store::PartialFile> partial;
        std::uint32_t doubts{};  // of the part, when its reader was given it
        std::optional<Error> error;
        std::uint64_t position{};
        bool waits{false};
        bool left{false};
    };
    std::function<void()> news_;
    Guarded<State> state_;
    std::shared_ptr<store::PartialFile> current_;  // the reader's thread alone
};

class RemoteStream final : public ReadStream {
  public:
    RemoteStream(Wiring& wiring, TreeEntry entry, std::shared_ptr<Reading> reading)
        : wiring_(wiring),
          life_(wiring.life),
          entry_(std::move(entry)),
          reading_(std::move(reading)) {}
    ~RemoteStream() override {
        reading_->leave();
        if (!life_.expired()) {
            wiring_.requester.post(GatewayMail(ReaderLeft{}));
        }
    }
    RemoteStream(const RemoteStream&) = delete;
    RemoteStream& operator=(const RemoteStream&) = delete;

    [[nodiscard]] const TreeEntry& entry() const override { return entry_; }
    [[nodiscard]] int fd() const override { return reading_->fd(); }
    [[nodiscard]] Result<std::uint64_t> readable_to(std::uint64_t from) override {
        return reading_->readable_to(from);
    }

  private:
    Wiring& wiring_;
    std::weak_ptr<const bool> life_;
    TreeEntry entry_;
    std::shared_ptr<Reading> reading_;
};

// The last part of a path.
std::string last_part(std::string_view path);
// Of a file that is here whole, as far as this host knows.
TreeEntry entry_of(const store::HeldFile& file, std::string_view name);
// The whole file as it was hashed; `changed` when it is another by now.
Result<ReadStreamPtr> open_local(Wiring& wiring, const std::shared_ptr<const store::HeldFile>& file,
                                 std::string_view name, std::function<void()> news);

}  // namespace shoal::peer
