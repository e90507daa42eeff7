#include "peer/status.hpp"

#include <algorithm>

#include "shoal/base/text.hpp"

namespace shoal::peer {

namespace {

constexpr std::size_t map_width = 50;
constexpr std::size_t rows_max = 64;  // of peers, and of downloads

std::uint64_t number_of(const StatusReport& report, std::string_view key) {
    for (const auto& [name, value] : report.lines) {
        if (name == key) {
            return text::parse_number(value, 0, UINT64_MAX).value_or(0);
        }
    }
    return 0;
}

// Those that anything has gone to or come from of late, one line each.
void add_peers(StatusLines& lines, Figures& figures, TimePoint now) {
    struct Rates {
        std::string host;
        double in{0};
        double out{0};
    };
    std::map<HostKey, Rates> rates;
    figures.received_from.with([&](TrafficByHost& from) {
        for (auto& [key, traffic] : from) {
            rates[key] = {traffic.host, traffic.meter.rate(now), 0};
        }
    });
    figures.sent_to.with([&](TrafficByHost& to) {
        for (auto& [key, traffic] : to) {
            Rates& both = rates[key];
            both.out = traffic.meter.rate(now);
            both.host = both.host.empty() ? traffic.host : both.host;
        }
    });
    std::size_t count = 0;
    for (const auto& [key, both] : rates) {
        if ((both.in > 0 || both.out > 0) && count < rows_max) {
            lines.emplace_back(
                "peer-" + std::to_string(++count),
                both.host + " in " + text::rate(both.in) + " out " + text::rate(both.out));
        }
    }
}

void add_downloads(StatusLines& lines, const Figures& figures) {
    figures.chunk_maps.with([&](const std::vector<std::string>& maps) {
        for (std::size_t i = 0; i < maps.size(); ++i) {
            lines.emplace_back("download-" + std::to_string(i + 1), maps[i]);
        }
    });
}

}  // namespace

StatusLines status_lines(Wiring& wiring, TimePoint now) {
    Figures& figures = wiring.figures;
    const store::Catalog::Totals totals = wiring.catalog->totals();
    const auto number = [](const auto& value) { return std::to_string(std::uint64_t{value}); };
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - figures.started);
    StatusLines lines{{"version", SHOAL_VERSION},
                      {"node", text::hex(wiring.identity.node.bytes)},
                      {"port", number(wiring.identity.port)},
                      {"uptime", std::to_string(seconds.count())},
                      {"files", number(totals.files)},
                      {"bytes", number(totals.bytes)},
                      {"hashing", number(totals.pending)},
                      {"partial", number(totals.partial)},
                      {"downloads", number(figures.downloads.load())},
                      {"servers", number(figures.servers.load())},
                      {"clients", number(figures.clients.load())},
                      {"sent", number(figures.bytes_sent.load())},
                      {"received", number(figures.bytes_received.load())},
                      {"unwanted", number(figures.unwanted_data.load())},
                      {"refused", number(figures.refused.load())},
                      {"bad-messages", number(figures.bad_messages.load())},
                      {"searches-handled", number(figures.searches_handled.load())},
                      {"searches-forwarded", number(figures.searches_forwarded.load())},
                      {"searches-duplicate", number(figures.searches_duplicate.load())},
                      {"searches-refused", number(figures.searches_refused.load())},
                      {"searches-repaired", number(figures.searches_repaired.load())},
                      {"hits-sent", number(figures.hits_sent.load())},
                      {"hits-relayed", number(figures.hits_relayed.load())},
                      {"hits-dropped", number(figures.hits_dropped.load())},
                      {"best-upload", number(figures.best_upload.load())},
                      {"max-upload", number(figures.max_upload.load())},
                      {"max-download", number(figures.max_download.load())},
                      {"authenticated", wiring.identity.secret.present() ? "yes" : "no"}};
    figures.store.with(
        [&](const auto& notes) { lines.insert(lines.end(), notes.begin(), notes.end()); });
    add_peers(lines, figures, now);
    add_downloads(lines, figures);
    return lines;
}

StatusReport parse_status(std::span<const std::uint8_t> payload) {
    StatusReport report;
    std::string_view rest(reinterpret_cast<const char*>(payload.data()), payload.size());
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        const std::size_t space = line.find(' ');
        if (space != std::string_view::npos) {
            report.lines.emplace_back(line.substr(0, space), line.substr(space + 1));
        }
    }
    return report;
}

std::uint64_t rate_told(const StatusReport& report) {
    const std::uint64_t best = number_of(report, "best-upload");
    const std::uint64_t most = number_of(report, "max-upload");
    return best == 0 || most == 0 ? std::max(best, most) : std::min(best, most);
}

std::string chunk_map(const Bitmap& held) {
    const std::size_t width = std::min(map_width, held.size());
    std::string map;
    for (std::size_t cell = 0; cell < width; ++cell) {
        const std::size_t end = (cell + 1) * held.size() / width;
        std::size_t here = 0;
        const std::size_t begin = cell * held.size() / width;
        for (std::size_t chunk = begin; chunk < end; ++chunk) {
            here += held.test(chunk) ? 1 : 0;
        }
        map += here == 0 ? '.' : here == end - begin ? '#' : '+';
    }
    return map;
}

}  // namespace shoal::peer
