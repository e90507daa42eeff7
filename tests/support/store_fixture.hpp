// What the store's tests share: a store over temporary folders, driven without sleeping.
#pragma once

#include <poll.h>

#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "shoal/store/store.hpp"
#include "store/hasher.hpp"
#include "temp_dir.hpp"

namespace shoal::test {

inline store::SafePath safe(std::string_view name) { return store::SafePath::parse(name).value(); }

inline integrity::FileTree tree_of(std::span<const std::uint8_t> bytes) {
    integrity::TreeHasher hasher(bytes.size());
    hasher.update(bytes);
    return hasher.finish();
}

// Whatever is still to be proven of it.
inline void prove_all(store::PartialFile& partial) {
    while (partial.prove(steady_now())) {
    }
}

class StoreFixture {
  public:
    StoreFixture() { reopen(); }

    store::Store& operator*() { return *store_; }
    store::Store* operator->() { return store_.get(); }

    // Another start of the program; the options stay.
    void reopen() {
        store_.reset();
        auto opened = store::Store::open(options());
        if (!opened) {
            throw std::runtime_error(opened.error().message);
        }
        store_ = std::move(*opened);
    }
    [[nodiscard]] store::StoreOptions options() const {
        return {dir / "shared", dir / "downloads", dir / ".shoal", background, watching};
    }

    // Hashes until nothing is left to do, virtual time standing still.
    void settle() {
        wait_for_tick();
        while (store_->work(now)) {
        }
    }
    // Until the clock of the file systems has moved on: what is written before is older then.
    static void wait_for_tick() {
        timespec now{};
        ::clock_gettime(CLOCK_REALTIME, &now);
        const std::int64_t begin = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
        while (store::stamp_clock_ns() <= begin) {
        }
    }
    // Takes what inotify has reported. True if there was anything within `patience`.
    bool take_events(int patience_ms = 0) {
        pollfd entry{store_->watch_fd(), POLLIN, 0};
        if (::poll(&entry, 1, patience_ms) != 1) {
            return false;
        }
        store_->handle_watch(now);
        return true;
    }
    // Follows all changes made so far: inotify has queued them by the time they were made.
    void follow() {
        while (take_events()) {
        }
        settle();
    }
    [[nodiscard]] store::Holding::State state(std::string_view name) const {
        return store_->catalog().find(name).state;
    }
    // Everything that is listed.
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const auto& record : store_->catalog().page("", "", 1'000'000)) {
            all.push_back(record.name);
        }
        return all;
    }

    TempDir dir;
    TimePoint now{std::chrono::hours(1)};
    bool background{true};
    bool watching{true};

  private:
    std::unique_ptr<store::Store> store_;
};

}  // namespace shoal::test
