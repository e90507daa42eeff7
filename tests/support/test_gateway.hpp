// What tests do at the door of a TestPeer: put, look, read as an epoll loop would, fetch.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "test_peer.hpp"

namespace shoal::peer {
using Bytes = std::vector<std::uint8_t>;
}

namespace shoal::test {

using peer::Bytes;

// Until it holds.
template <typename Condition>
void await(Condition holds) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > end) {
            throw std::runtime_error("what was waited for does not come");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

inline void expect(bool holds) {
    if (!holds) {
        throw std::runtime_error("a system call failed");
    }
}

inline Result<peer::Published> put(peer::GatewayApi& api, const std::string& name,
                                   const Bytes& content, peer::CommitOrder order = {},
                                   std::uint64_t keep = 0) {
    auto upload = wait<peer::UploadPtr>([&](auto callback) { api.upload({name, keep}, callback); });
    if (!upload) {
        return upload.error();
    }
    expect(::pwrite((*upload)->fd(), content.data(), content.size(),
                    static_cast<off_t>((*upload)->kept())) == static_cast<ssize_t>(content.size()));
    return wait<peer::Published>([&](auto callback) { (*upload)->commit(order, callback); });
}

inline Result<peer::TreeEntry> look(peer::GatewayApi& api, const std::string& name) {
    return wait<peer::TreeEntry>([&](auto callback) { api.lookup(name, callback); });
}

inline std::vector<std::string> names(peer::GatewayApi& api, const std::string& folder) {
    const auto view =
        wait<peer::FolderViewPtr>([&](auto callback) { api.browse(folder, callback); });
    std::vector<std::string> list;
    for (const peer::TreeEntry& entry : view ? (*view)->entries : std::vector<peer::TreeEntry>()) {
        list.push_back(entry.name + (entry.folder ? "/" : ""));
    }
    return list;
}

// A reader that waits for news as an epoll loop would.
class Reader {
  public:
    Reader(peer::GatewayApi& api, peer::OpenOrder order) : at(order.offset) {
        auto opened = wait<peer::ReadStreamPtr>([&](auto callback) {
            api.open(
                order, [wake = wake_] { wake->wake(); }, callback);
        });
        if (opened) {
            stream = std::move(*opened);
        } else {
            error = opened.error();
        }
    }
    // Reads up to `limit`; what is wrong stands in `error`.
    void read_to(std::uint64_t limit) {
        while (stream && !error && at < limit) {
            const auto end = stream->readable_to(at);
            if (!end) {
                error = end.error();
            } else if (*end == at) {
                await_news();
            } else {
                Bytes part(std::min<std::uint64_t>({*end, limit, at + (1U << 20U)}) - at);
                expect(::pread(stream->fd(), part.data(), part.size(), static_cast<off_t>(at)) ==
                       static_cast<ssize_t>(part.size()));
                got.insert(got.end(), part.begin(), part.end());
                at += part.size();
            }
        }
    }
    const Bytes& read_all() {
        read_to(stream ? stream->entry().size : 0);
        while (stream && !error) {
            const auto end = stream->readable_to(at);
            error = end ? std::nullopt : std::optional(end.error());
            if (end && *end >= at) {
                break;
            }
            if (end) {
                await_news();
            }
        }
        return got;
    }

    peer::ReadStreamPtr stream;
    Bytes got;
    std::uint64_t at{0};
    std::optional<Error> error;

  private:
    void await_news() {
        pollfd entry{wake_->fd(), POLLIN, 0};
        expect(::poll(&entry, 1, 60'000) == 1);
        wake_->drain();
    }
    std::shared_ptr<net::WakeUp> wake_ = std::make_shared<net::WakeUp>();
};

class FetchEnd final : public peer::EventSink {
  public:
    void deliver(const peer::Event& event) override {
        if (const auto* done = std::get_if<peer::FetchDone>(&event)) {
            outcome_.set_value(done->outcome);
        }
    }
    peer::Outcome wait() {
        auto future = outcome_.get_future();
        if (future.wait_for(patience) != std::future_status::ready) {
            throw std::runtime_error("the fetch does not end");
        }
        return future.get();
    }

  private:
    std::promise<peer::Outcome> outcome_;
};

// Keep it until the fetch has ended.
inline std::unique_ptr<FetchEnd> fetch_later(peer::PeerApi& api, const std::string& name) {
    auto end = std::make_unique<FetchEnd>();
    peer::FetchOrder order;
    order.name = name;
    api.fetch(std::move(order), *end);
    return end;
}

inline peer::Outcome fetch(peer::PeerApi& api, const std::string& name) {
    return fetch_later(api, name)->wait();
}

inline std::map<std::string, std::string> status_of(peer::PeerApi& api) {
    struct Sink final : peer::EventSink {
        void deliver(const peer::Event& event) override {
            report.set_value(std::get<peer::StatusReport>(event));
        }
        std::promise<peer::StatusReport> report;
    } sink;
    api.status(sink);
    const auto report = sink.report.get_future().get();
    return {report.lines.begin(), report.lines.end()};
}

}  // namespace shoal::test
