#include "fetch_report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "shoal/base/text.hpp"
#include "table.hpp"

namespace shoal::cli {
namespace {

double seconds(Duration span) { return std::chrono::duration<double>(span).count(); }

std::string precise(Duration span) {
    std::array<char, 32> digits{};
    std::snprintf(digits.data(), digits.size(), "%.3f s", seconds(span));
    return digits.data();
}

std::string chunks_text(std::uint32_t count) {
    return std::to_string(count) + (count == 1 ? " chunk" : " chunks");
}

std::string rarity_text(const peer::FetchPlan& plan) {
    std::string line;
    for (const auto& [holders, count] : plan.rarity) {
        line += (line.empty() ? "" : ", ") + chunks_text(count) + " at " +
                (holders == 0 ? "no host" : std::to_string(holders)) +
                (holders == 1   ? " host"
                 : holders == 0 ? ""
                                : " hosts");
    }
    return line.empty() ? "all is here" : line;
}

}  // namespace

std::string plan_text(const peer::FetchDone& done) {
    const peer::FetchPlan& plan = *done.plan;
    std::string lines = text::escape(done.name) + "  " + text::size(done.size) + "  " +
                        chunks_text(plan.chunks) + "  root " + done.root + "\n";
    std::vector<std::vector<std::string>> rows{{"  HOST", "CHUNKS", "BEST RATE"}};
    for (const peer::PlannedHost& host : plan.hosts) {
        rows.push_back({"  " + text::escape(host.host),
                        host.chunks == plan.chunks ? "all" : std::to_string(host.chunks),
                        host.rate == 0 ? "-" : text::rate(static_cast<double>(host.rate))});
    }
    lines += table({Align::left, Align::right, Align::right}, rows);
    lines += plan.here > 0 ? "here: " + chunks_text(plan.here) + "\n" : "";
    lines += "to fetch: " + rarity_text(plan) + "\n";
    if (plan.rarity.empty()) {
        return lines;
    }
    return lines + "expected: " +
           (plan.expected ? "about " + text::duration(*plan.expected)
                          : "not known, since no holder has sent anything yet") +
           "\n";
}

std::string times_text(const peer::FetchTimes& times) {
    const auto row = [](const char* what, Duration span, const char* until) {
        return std::vector<std::string>{std::string("  ") + what, precise(span), until};
    };
    const Duration waiting =
        std::max(times.transferring - times.writing - times.parked, Duration::zero());
    std::string lines =
        table({Align::left, Align::right, Align::left},
              {row("connecting", times.connecting, "until a host could be asked"),
               row("asking", times.asking, "until it was clear which content is meant"),
               row("opening", times.opening, "until the first byte could be asked for"),
               row("transferring", times.transferring, "until all was here and verified; of this:"),
               row("  network", waiting, "neither writing nor parked"),
               row("  writing", times.writing, "to the disk"),
               row("  parked", times.parked, "no holder, or no room on the disk"),
               row("  hashing", times.hashing, "in part beside the rest, on another core"),
               row("saving", times.saving, "until it stood under its name, synced")});
    std::vector<std::vector<std::string>> rows{{"  HOST", "BYTES", "BUSY", "RATE", "LONGEST WAIT"}};
    for (const peer::HostTime& host : times.hosts) {
        const double busy = seconds(host.busy);
        rows.push_back({"  " + text::escape(host.host), text::size(host.bytes),
                        busy > 0 ? precise(host.busy) : "-",
                        busy > 0 ? text::rate(static_cast<double>(host.bytes) / busy) : "-",
                        busy > 0 ? precise(host.longest_wait) : "-"});
    }
    return lines +
           table({Align::left, Align::right, Align::right, Align::right, Align::right}, rows);
}

}  // namespace shoal::cli
