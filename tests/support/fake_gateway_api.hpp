// FakeGatewayApi: a peer's door made of a map. What is in `files` is answered at once, or, while
// `slow` is set, when release() is called; other calls answer `not_found`.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "shoal/base/fd.hpp"
#include "shoal/peer/gateway_api.hpp"

namespace shoal::test {

class FakeStream final : public peer::ReadStream {
  public:
    FakeStream(peer::TreeEntry entry, const std::string& content)
        : entry_(std::move(entry)), fd_(::memfd_create("fake", MFD_CLOEXEC)) {
        if (::pwrite(fd_.get(), content.data(), content.size(), 0) < 0) {
            fd_.reset();
        }
    }
    [[nodiscard]] const peer::TreeEntry& entry() const override { return entry_; }
    [[nodiscard]] int fd() const override { return fd_.get(); }
    [[nodiscard]] Result<std::uint64_t> readable_to(std::uint64_t) override { return entry_.size; }

  private:
    peer::TreeEntry entry_;
    Fd fd_;
};

class FakeGatewayApi final : public peer::GatewayApi {
  public:
    std::map<std::string, std::string> files;
    bool slow{false};
    int opened{0};

    void release() {
        for (auto& step : std::exchange(held_, {})) {
            step();
        }
    }

    void lookup(std::string name, peer::Callback<peer::TreeEntry> callback) override {
        answer([this, name, callback] {
            files.contains(name) ? callback(entry(name)) : callback(none(name));
        });
    }
    void lookup_hashed(std::string name, peer::Callback<peer::TreeEntry> callback) override {
        lookup(name, callback);
    }
    void lookup_here(std::string name, peer::Callback<peer::TreeEntry> callback) override {
        lookup(name, callback);
    }
    void open(peer::OpenOrder order, std::function<void()>,
              peer::Callback<peer::ReadStreamPtr> callback) override {
        ++opened;
        answer([this, order, callback] {
            if (!files.contains(order.name)) {
                return callback(none(order.name));
            }
            callback(peer::ReadStreamPtr(
                std::make_unique<FakeStream>(entry(order.name), files.at(order.name))));
        });
    }
    void browse(std::string name, peer::Callback<peer::FolderViewPtr> callback) override {
        callback(none(name));
    }
    void upload(peer::UploadOrder order, peer::Callback<peer::UploadPtr> callback) override {
        callback(none(order.name));
    }
    void remove(std::string name, peer::Callback<void> callback) override { callback(none(name)); }
    void make_folder(std::string name, peer::Callback<void> callback) override {
        callback(none(name));
    }
    void remove_folder(std::string name, peer::Callback<void> callback) override {
        callback(none(name));
    }
    void rename(std::string from, std::string, bool, peer::Callback<void> callback) override {
        callback(none(from));
    }
    void set_mtime(std::string name, std::int64_t, peer::Callback<void> callback) override {
        callback(none(name));
    }
    peer::Ticket sha256(std::string name, std::uint64_t, std::uint64_t,
                        peer::Callback<std::string> callback) override {
        callback(none(name));
        return nullptr;
    }
    [[nodiscard]] std::uint32_t hosts_connected() const override { return 0; }

    FetchId fetch(peer::FetchOrder, peer::EventSink&) override { return {++orders_}; }
    void cancel(FetchId fetch) override { cancelled.push_back(fetch); }
    std::uint64_t list(std::string, std::size_t, unsigned, Duration, peer::EventSink&) override {
        return ++orders_;
    }
    std::uint64_t search(peer::SearchOrder, peer::EventSink&) override { return ++orders_; }
    void cancel_search(std::uint64_t order) override { cancelled_searches.push_back(order); }
    std::uint64_t peers(peer::EventSink&) override { return ++orders_; }
    std::uint64_t status(peer::EventSink&) override { return ++orders_; }
    std::size_t served_now() override { return 0; }
    void set_limits(std::optional<std::uint64_t>, std::optional<std::uint64_t>) override {}
    void forget_sink(peer::EventSink&) override {}

    std::vector<FetchId> cancelled;
    std::vector<std::uint64_t> cancelled_searches;

  private:
    static Error none(const std::string& name) {
        return {ErrorKind::not_found, "no host has '" + name + "'"};
    }
    [[nodiscard]] peer::TreeEntry entry(const std::string& name) const {
        peer::TreeEntry entry;
        entry.name = name;
        entry.size = files.at(name).size();
        entry.root = std::string(64, 'a');
        entry.here = entry.shared = true;
        return entry;
    }
    void answer(std::function<void()> step) { slow ? held_.push_back(std::move(step)) : step(); }

    std::vector<std::function<void()>> held_;
    std::uint64_t orders_{0};
};

}  // namespace shoal::test
