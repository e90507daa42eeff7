// StreamFetch: one content on its way to the readers of gateways, however many. It fetches the
// content itself, or follows the download of a user who wants the same. Requester's thread.
//
// What was fetched so is kept in downloads/ under its name, for as long as the cache has room.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "peer/engine.hpp"
#include "peer/file_listener.hpp"
#include "peer/lookup.hpp"
#include "peer/reading.hpp"

namespace shoal::peer {

class StreamFetch final : public FileListener {
  public:
    StreamFetch(Engine& engine, store::SafePath name, Meaning meaning, TimePoint now);
    ~StreamFetch() override;
    StreamFetch(const StreamFetch&) = delete;
    StreamFetch& operator=(const StreamFetch&) = delete;

    [[nodiscard]] const integrity::FileId& id() const { return meaning_.id; }
    void add(OpenStream order);
    void drive(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_timeout() const;
    // Nobody reads any more, and what has come whole is saved.
    [[nodiscard]] bool over() const {
        return waiting_.empty() && readings_.empty() && !(begun_ && !done_ && is_whole());
    }
    void give_up(const Error& error);
    // A large file that is not here begins when grant() has said that the disk has room for it: its
    // bytes, while it waits for that; and those that it was granted.
    [[nodiscard]] std::uint64_t wanted_room();
    [[nodiscard]] std::uint64_t room() const { return granted_ ? meaning_.id.size : 0; }
    void grant() { granted_ = true; }

    void file_opened(std::size_t, std::uint64_t, std::uint64_t) override {}
    void file_received(const std::string& host, std::uint64_t bytes) override;
    void file_verified(std::size_t, std::uint64_t, TimePoint) override {}
    void file_content(std::size_t index, std::span<const std::uint8_t> bytes) override;
    void file_note(std::size_t, FetchNote::Kind, const std::string&, const std::string&) override;
    void file_done(std::size_t index, FileResult result, TimePoint now) override;

  private:
    [[nodiscard]] bool is_small() const;
    [[nodiscard]] bool is_whole() const;
    [[nodiscard]] Transfer* transfer();
    void begin(TimePoint now);
    void follow(Transfer& transfer);
    void hand_out();
    void hand_out_local();
    void look_stalled(TimePoint now);
    [[nodiscard]] TreeEntry entry() const;

    Engine& engine_;
    store::SafePath name_;
    Meaning meaning_;
    std::vector<OpenStream> waiting_;
    std::vector<std::shared_ptr<Reading>> readings_;
    std::shared_ptr<store::PartialFile> partial_;
    Fd memory_;             // a small one's content
    std::uint64_t own_{0};  // key of the transfer that is ours
    bool granted_{false};
    bool begun_{false};     // ours, small or not
    bool done_{false};      // ours has ended
    bool complete_{false};  // all of it is here
    bool saw_liars_{false};
    std::uint32_t held_{0};
    TimePoint progressed_at_;
    TimePoint look_again_at_;
};

}  // namespace shoal::peer
