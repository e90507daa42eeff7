#include "peer/door.hpp"

#include <algorithm>

namespace shoal::peer {

FetchId Door::fetch(FetchOrder order, EventSink& sink) {
    const FetchId id{next_++};
    wiring_.requester.post(FetchCommand{id, std::move(order), &sink});
    return id;
}

void Door::cancel(FetchId fetch) { wiring_.requester.post(CancelCommand{fetch}); }

std::uint64_t Door::list(std::string prefix, std::size_t rows_max, unsigned wait_hosts,
                         Duration timeout, EventSink& sink) {
    const std::uint64_t order = next_++;
    wiring_.requester.post(
        ListCommand{order, std::move(prefix), rows_max, wait_hosts, timeout, &sink});
    return order;
}

std::uint64_t Door::search(SearchOrder order, EventSink& sink) {
    const std::uint64_t number = next_++;
    wiring_.requester.post(SearchCommand{number, std::move(order), &sink});
    return number;
}

void Door::cancel_search(std::uint64_t order) {
    wiring_.requester.post(CancelSearchCommand{order});
}

std::uint64_t Door::peers(EventSink& sink) {
    const std::uint64_t order = next_++;
    wiring_.requester.post(PeersCommand{order, &sink});
    return order;
}

std::uint64_t Door::status(EventSink& sink) {
    const std::uint64_t order = next_++;
    wiring_.requester.post(StatusCommand{order, &sink});
    return order;
}

std::size_t Door::served_now() {
    const TimePoint now = steady_now();
    return wiring_.figures.sent_to.with([now](auto& sent) {
        return static_cast<std::size_t>(std::count_if(
            sent.begin(), sent.end(), [now](auto& one) { return one.second.meter.rate(now) > 0; }));
    });
}

void Door::set_limits(std::optional<std::uint64_t> upload, std::optional<std::uint64_t> download) {
    wiring_.requester.post(LimitsCommand{upload, download});
}

void Door::forget_sink(EventSink& sink) { wiring_.requester.post(ForgetSinkCommand{&sink}); }

std::string_view outcome_word(Outcome outcome) {
    switch (outcome) {
        case Outcome::done:
            return "done";
        case Outcome::failed:
            return "failed";
        case Outcome::usage:
            return "usage";
        case Outcome::not_found:
            return "not-found";
        case Outcome::no_host:
            return "no-host";
        case Outcome::incomplete:
            return "incomplete";
        case Outcome::verification_failed:
            return "verification-failed";
        case Outcome::versions_differ:
            return "versions-differ";
        case Outcome::not_let_in:
            return "not-let-in";
        case Outcome::disk_full:
            return "disk-full";
        case Outcome::exists:
            return "exists";
        case Outcome::cancelled:
            return "cancelled";
    }
    return "failed";
}

std::string_view note_word(FetchNote::Kind kind) {
    switch (kind) {
        case FetchNote::Kind::source_lost:
            return "source-lost";
        case FetchNote::Kind::source_joined:
            return "source-joined";
        case FetchNote::Kind::bad_source:
            return "bad-source";
        case FetchNote::Kind::parked:
            return "parked";
        case FetchNote::Kind::unparked:
            return "unparked";
        case FetchNote::Kind::stalled:
            return "stalled";
        case FetchNote::Kind::file_failed:
            return "file-failed";
        case FetchNote::Kind::waiting:
            return "waiting";
        case FetchNote::Kind::versions:
            return "versions";
    }
    return "note";
}

std::string_view down_word(DownReason reason) {
    static constexpr std::string_view words[] = {"",
                                                 "no-address",
                                                 "unreachable",
                                                 "full",
                                                 "closing",
                                                 "other-version",
                                                 "not-let-in",
                                                 "not-shoal",
                                                 "broken-protocol",
                                                 "silent",
                                                 "refused",
                                                 "lost",
                                                 "enough-others"};
    return words[static_cast<std::size_t>(reason)];
}

std::string unreached_text(const PeerRow& row) {
    if (row.why.starts_with("it ")) {
        return row.address + row.why.substr(2);
    }
    return row.address + (row.why.empty() ? " is " + row.state : ": " + row.why);
}

std::string_view notice_word(Notice::Kind kind) {
    switch (kind) {
        case Notice::Kind::host_connected:
            return "host-connected";
        case Notice::Kind::host_lost:
            return "host-lost";
        case Notice::Kind::hosts_file:
            return "hosts-file";
        case Notice::Kind::refused:
            return "refused";
        case Notice::Kind::warning:
            return "warning";
    }
    return "notice";
}

}  // namespace shoal::peer
