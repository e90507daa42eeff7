#include "gateway/ftp/mover.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "shoal/base/disk_fault.hpp"
#include "shoal/net/socket.hpp"

namespace shoal::gateway::ftp {
namespace {

using net::Transfer;

// Text that waits to be sent.
class Outbox {
  public:
    [[nodiscard]] bool empty() const { return at_ == text_.size(); }
    std::string& refill() {  // only when empty
        at_ = 0;
        text_.clear();
        return text_;
    }
    Mover::Step send(int socket) {
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(text_.data());
        const Transfer sent = net::send(socket, std::span(bytes + at_, text_.size() - at_), false);
        at_ += sent.bytes;
        const bool alive =
            sent.state == Transfer::State::moved || sent.state == Transfer::State::would_block;
        return alive ? Mover::Step::moved : Mover::Step::broken;
    }

  private:
    std::string text_;
    std::size_t at_{0};
};

class ListingMover final : public Mover {
  public:
    explicit ListingMover(Listing listing) : listing_(std::move(listing)) {}
    [[nodiscard]] bool sends() const override { return true; }
    Step step(int socket, std::span<std::uint8_t>) override {
        if (outbox_.empty()) {
            listing_.fill(outbox_.refill(), 32UL * 1024);
        }
        return outbox_.empty() ? Step::done : outbox_.send(socket);
    }

  private:
    Listing listing_;
    Outbox outbox_;
};

class FileMover final : public Mover {
  public:
    FileMover(peer::ReadStreamPtr stream, std::uint64_t offset, bool ascii)
        : stream_(std::move(stream)), offset_(offset) {
        if (ascii) {
            text_.emplace();
        }
    }
    [[nodiscard]] bool sends() const override { return true; }

    Step step(int socket, std::span<std::uint8_t> scratch) override {
        if (text_ && !text_->outbox.empty()) {
            return text_->outbox.send(socket);
        }
        const Result<std::uint64_t> readable = stream_->readable_to(offset_);
        if (!readable) {
            return fail(readable.error());
        }
        const bool end = offset_ >= stream_->entry().size;
        if (end || *readable <= offset_) {
            return end && *readable >= offset_ ? Step::done : Step::waits;
        }
        const std::size_t count = std::min<std::uint64_t>(block_size, *readable - offset_);
        return text_ ? send_text(socket, scratch.first(count)) : send_bytes(socket, count);
    }

  private:
    struct Text {
        Outbox outbox;
        ToNetwork line_ends;
    };

    Error ended_early() const {
        return {ErrorKind::changed, "'" + stream_->entry().name + "' ended early: it was changed"};
    }

    Error unreadable(int why) const {
        warn_of_disk(stream_->entry().name, why);
        return system_error("cannot read '" + stream_->entry().name + "'", why);
    }

    Step send_bytes(int socket, std::size_t count) {
        const Transfer sent = net::send_file(socket, stream_->fd(), offset_, count);
        offset_ += sent.bytes;
        if (sent.state == Transfer::State::closed) {
            return fail(ended_early());
        }
        if (sent.state != Transfer::State::failed) {
            return Step::moved;
        }
        return is_disk_fault(sent.error) ? fail(unreadable(sent.error)) : Step::broken;
    }

    Step send_text(int socket, std::span<std::uint8_t> block) {
        ssize_t got = -1;
        do {
            got = ::pread(stream_->fd(), block.data(), block.size(), static_cast<off_t>(offset_));
        } while (got < 0 && errno == EINTR);
        if (got <= 0) {
            return fail(got == 0 ? ended_early() : unreadable(errno));
        }
        offset_ += static_cast<std::uint64_t>(got);
        text_->line_ends.convert(block.first(static_cast<std::size_t>(got)),
                                 text_->outbox.refill());
        return text_->outbox.send(socket);
    }

    peer::ReadStreamPtr stream_;
    std::uint64_t offset_;
    std::optional<Text> text_;
};

class UploadMover final : public Mover {
  public:
    UploadMover(peer::Upload& upload, bool ascii) : upload_(upload), offset_(upload.kept()) {
        if (ascii) {
            text_.emplace();
        }
    }
    [[nodiscard]] bool sends() const override { return false; }

    Step step(int socket, std::span<std::uint8_t> scratch) override {
        const Transfer got = net::receive(socket, scratch.first(block_size));
        switch (got.state) {
            case Transfer::State::would_block:
                return Step::moved;
            case Transfer::State::moved:
                return store(scratch.first(got.bytes));
            case Transfer::State::closed:
                // A reset is no end of file: what came may be a part.
                return got.error == 0 ? finish() : Step::broken;
            case Transfer::State::failed:
                break;
        }
        return Step::broken;
    }

  private:
    struct Text {
        std::string bytes;
        FromNetwork line_ends;
    };

    Step store(std::span<const std::uint8_t> block) {
        if (!text_) {
            return write(block);
        }
        text_->bytes.clear();
        text_->line_ends.convert(block, text_->bytes);
        return write_text();
    }

    Step finish() {
        if (text_) {
            text_->bytes.clear();
            text_->line_ends.finish(text_->bytes);
            if (write_text() == Step::failed) {
                return Step::failed;
            }
        }
        return Step::done;
    }

    Step write_text() {
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(text_->bytes.data());
        return write(std::span(bytes, text_->bytes.size()));
    }

    Step write(std::span<const std::uint8_t> bytes) {
        while (!bytes.empty()) {
            const ssize_t done =
                ::pwrite(upload_.fd(), bytes.data(), bytes.size(), static_cast<off_t>(offset_));
            if (done < 0 && errno == EINTR) {
                continue;
            }
            if (done <= 0) {
                return fail(system_error("cannot store the file", done == 0 ? ENOSPC : errno));
            }
            offset_ += static_cast<std::uint64_t>(done);
            bytes = bytes.subspan(static_cast<std::size_t>(done));
        }
        return Step::moved;
    }

    peer::Upload& upload_;
    std::uint64_t offset_;
    std::optional<Text> text_;
};

}  // namespace

std::unique_ptr<Mover> make_listing_mover(Listing listing) {
    return std::make_unique<ListingMover>(std::move(listing));
}

std::unique_ptr<Mover> make_file_mover(peer::ReadStreamPtr stream, std::uint64_t offset,
                                       bool ascii) {
    return std::make_unique<FileMover>(std::move(stream), offset, ascii);
}

std::unique_ptr<Mover> make_upload_mover(peer::Upload& upload, bool ascii) {
    return std::make_unique<UploadMover>(upload, ascii);
}

}  // namespace shoal::gateway::ftp
