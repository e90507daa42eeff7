// What a fetch hears of its files while they run, and what it tells the user.
#include <algorithm>

#include "peer/fetch.hpp"

namespace shoal::peer {

void Fetch::deliver(const Event& event) {
    if (command_.sink != nullptr) {
        command_.sink->deliver(event);
    }
}

void Fetch::started(std::uint64_t kept, std::uint64_t rechecked) {
    FetchStarted event;
    event.fetch = id();
    event.name = name_;
    event.size = done_.size;
    event.root = done_.root;
    event.files = done_.files;
    event.kept = kept;
    event.rechecked = rechecked;
    event.chunks = folder_ ? 0 : integrity::Geometry(done_.size).chunk_count();
    event.hosts = static_cast<std::uint32_t>(files_.empty() ? 0 : files_.front().holders.size());
    deliver(event);
}

void Fetch::file_opened(std::size_t index, std::uint64_t kept, std::uint64_t rechecked) {
    if (!folder_) {
        opened_at_ = steady_now();
    }
    moved_ = true;
    // What a gateway left of it is the user's from now on.
    const auto transfer = engine_.transfers.find(transfers_[index]);
    if (transfer != engine_.transfers.end() && transfer->second->partial()) {
        const std::string part = transfer->second->partial()->part_path();
        Result<CacheClaims::Lock> claims = CacheClaims(engine_.wiring.options.state).lock();
        if (claims && !claims->needless()) {
            (void)claims->claim(part);
        }
        engine_.wiring.cache.with([&part](CacheBook& book) { book.remove(part); });
    }
    add_verified(kept, steady_now());
    verified_of_[index] += kept;
    if (begun_anew_.contains(index)) {
        return;
    }
    done_.kept += kept;
    if (!folder_) {
        started(kept, rechecked);
    }
}

void Fetch::file_received(const std::string& host, std::uint64_t bytes) {
    shares_[host] += bytes;
    engine_.wiring.figures.bytes_received += bytes;
}

void Fetch::file_verified(std::size_t index, std::uint64_t bytes, TimePoint now) {
    moved_ = true;
    add_verified(bytes, now);
    done_.fetched += bytes;
    if (transfers_.contains(index)) {
        verified_of_[index] += bytes;
    }
    progressed_at_ = now;
    parking_.handle_goes_on(now);
    told_stalled_ = false;
    end_parking(now);
    meter_.add(bytes, now);
}

// They are here, whether they came or were.
void Fetch::add_verified(std::uint64_t bytes, TimePoint now) {
    verified_ += bytes;
    if (verified_ >= done_.size) {
        verified_at_ = now;
    }
}

void Fetch::file_note(std::size_t index, FetchNote::Kind kind, const std::string& host,
                      const std::string& text) {
    moved_ = true;
    if (kind == FetchNote::Kind::bad_source) {
        saw_liars_ = true;
        unverified_.insert(index);
    }
    saw_losses_ |= kind == FetchNote::Kind::source_lost;
    const TimePoint now = steady_now();
    if (kind == FetchNote::Kind::parked && folder_ && unverified_.contains(index) && !saw_losses_) {
        lies_.insert(index);
        return;
    }
    if (kind == FetchNote::Kind::parked) {
        // Thousands of files may wait for the same host: one word is enough, if the wait lasts.
        parked_note_ = FetchNote{id(), kind, files_[index].name.text(), host, text};
        parked_at_ = parked_at_.value_or(now);
        return parking_.handle_waits(now);
    }
    if (kind == FetchNote::Kind::unparked) {
        end_parking(now);
        if (!parking_.handle_goes_on(now)) {
            return;
        }
        told_stalled_ = false;
    }
    if (kind == FetchNote::Kind::stalled && std::exchange(told_stalled_, true)) {
        return;
    }
    deliver(FetchNote{id(), kind, files_[index].name.text(), host, text, {}});
}

void Fetch::report(TimePoint now) {
    if (phase_ != Phase::running) {
        return;
    }
    FetchProgress event;
    event.fetch = id();
    event.name = name_;
    event.done = verified_;
    event.size = done_.size;
    event.files_done = files_done_;
    event.files = done_.files;
    event.bytes_per_second = meter_.rate(now);
    moved_ = false;
    moving_ = event.bytes_per_second > 0;
    event.parked = waits();
    for (const auto& [index, key] : transfers_) {
        const auto found = engine_.transfers.find(key);
        event.hosts = std::max(
            event.hosts, found == engine_.transfers.end() ? 0U : found->second->sending_hosts());
    }
    if (!small_running_.empty()) {
        const auto links = engine_.servers.usable();
        const auto busy = std::count_if(links.begin(), links.end(),
                                        [](const ServerLink* link) { return link->asked() > 0; });
        event.hosts = std::max(event.hosts, static_cast<std::uint32_t>(busy));
    }
    if (event.bytes_per_second > 1) {
        const double seconds = static_cast<double>(done_.size - std::min(verified_, done_.size)) /
                               event.bytes_per_second;
        event.left = std::chrono::duration_cast<Duration>(
            std::chrono::duration<double>(std::min(seconds, 1e7)));
    }
    deliver(event);
}

// Where the time went ----------------------------------------------------------------------------

void Fetch::gather_times(std::uint64_t transfer, TimePoint now) {
    const auto found = engine_.transfers.find(transfer);
    if (found != engine_.transfers.end()) {
        found->second->times().add_to(times_, now);
    }
}

void Fetch::end_parking(TimePoint now) {
    if (parked_at_) {
        times_.parked += now - *std::exchange(parked_at_, std::nullopt);
    }
}

FetchTimes Fetch::times(TimePoint now) const {
    FetchTimes times = times_;
    TimePoint at = began_at_;
    const auto until = [&at, now](std::optional<TimePoint> milestone) {
        const TimePoint from = std::exchange(at, std::max(at, milestone.value_or(now)));
        return at - from;
    };
    times.connecting = until(asked_at_);
    times.asking = until(running_at_);
    times.opening = until(opened_at_);
    times.transferring = until(verified_at_);
    times.saving = until(now);
    if (parked_at_) {
        times.parked += now - *parked_at_;
    }
    for (const auto& share : shares_) {  // small files come without a transfer
        const bool known =
            std::any_of(times.hosts.begin(), times.hosts.end(),
                        [&share](const HostTime& one) { return one.host == share.first; });
        if (!known) {
            times.hosts.push_back({share.first, share.second, {}, {}});
        }
    }
    std::sort(times.hosts.begin(), times.hosts.end(),
              [](const HostTime& a, const HostTime& b) { return a.bytes > b.bytes; });
    return times;
}

}  // namespace shoal::peer
