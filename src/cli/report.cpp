#include "report.hpp"

#include <algorithm>

#include "progress.hpp"
#include "shoal/base/text.hpp"
#include "table.hpp"

namespace shoal::cli {
namespace {

constexpr std::size_t hosts_shown_max = 8;

double seconds(Duration span) { return std::chrono::duration<double>(span).count(); }

std::string shown(const std::string& raw) { return text::escape(raw); }

std::string counted(std::uint64_t count, const char* one, const char* many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string shares_text(const std::vector<peer::HostShare>& shares) {
    std::uint64_t sum = 0;
    for (const peer::HostShare& share : shares) {
        sum += share.bytes;
    }
    std::string line;
    for (std::size_t i = 0; i < std::min(shares.size(), hosts_shown_max); ++i) {
        line += (i > 0 ? ", " : "  from ") + shown(shares[i].host) + " " +
                std::to_string(percent(shares[i].bytes, sum)) + " %";
    }
    if (shares.size() > hosts_shown_max) {
        line += ", +" + std::to_string(shares.size() - hosts_shown_max) + " more";
    }
    return line;
}

std::string speed_text(const peer::FetchDone& done) {
    const double elapsed = seconds(done.elapsed);
    constexpr double worth_a_rate = 0.1;  // below, it is the round trips that were measured
    if (elapsed < worth_a_rate) {
        return "";
    }
    std::string line = " in " + text::duration(done.elapsed);
    if (done.fetched > 0) {
        line += " (" + text::rate(static_cast<double>(done.fetched) / elapsed) + ")";
    }
    return line;
}

std::string listed(const std::vector<std::string>& words, const char* quote) {
    std::string line;
    for (const std::string& word : words) {
        line += (line.empty() ? "" : ", ") + (quote + shown(word)) + quote;
    }
    return line;
}

std::string holders_text(const peer::VersionInfo& version) {
    std::vector<std::string> hosts = version.complete;
    const std::size_t more = hosts.size() > hosts_shown_max ? hosts.size() - hosts_shown_max : 0;
    hosts.resize(hosts.size() - more);
    std::string line = listed(hosts, "");
    line += more > 0 ? " +" + std::to_string(more) + " more" : "";
    if (!version.partial.empty()) {
        line += (line.empty() ? "" : ", ") + std::string("in part: ") +
                counted(version.partial.size(), "host", "hosts");
    }
    return line;
}

std::string version_table(const peer::FetchDone& done, const Idiom& idiom) {
    std::vector<std::vector<std::string>> rows{{"  SIZE", "ROOT", "TO GET IT", "HOLDERS"}};
    for (const peer::VersionInfo& version : done.versions) {
        constexpr std::size_t root_digits = 16;
        const std::string name = shown(done.name) + "@" + peer::short_root(version, done.versions);
        rows.push_back({"  " + text::size(version.size), shown(version.root.substr(0, root_digits)),
                        idiom.get + " " + name, holders_text(version)});
    }
    return table({Align::left, Align::left, Align::left, Align::left}, rows);
}

std::string not_found_lines(const peer::FetchDone& done) {
    std::string lines =
        done.text.empty() ? "No server has '" + shown(done.name) + "'" : shown(done.text);
    if (!done.near.empty()) {
        lines += "; did you mean: " + listed(done.near, "'");
    }
    return lines + "\n";
}

std::string cancelled_line(const peer::FetchDone& done,
                           const std::optional<peer::FetchProgress>& last, const Idiom& idiom) {
    std::string line = shown(done.name) + ": interrupted; ";
    if (!last || last->done == 0) {
        return line + "nothing of it had arrived\n";
    }
    return line + std::to_string(percent(last->done, last->size)) + " % is kept in " +
           shown(idiom.downloads) + "; " + idiom.go_on + "\n";
}

}  // namespace

std::string closing_line(const peer::FetchDone& done) {
    std::string line = shown(done.name) + "  ";
    if (done.already_here) {
        line += text::size(done.size) + "  is here already, as " + shown(done.saved_as);
        return line + (done.root.empty() ? "" : "  root " + done.root) + "\n";
    }
    if (done.name.ends_with('/')) {
        line += counted(done.files, "file", "files") + ", ";
    }
    line += text::size(done.size) + speed_text(done);
    if (done.fetched > 0 && done.fetched + done.kept < done.size) {  // the rest was here
        line += "  fetched " + text::size(done.fetched);
    }
    line += done.kept > 0 ? "  kept " + text::size(done.kept) : "";
    line += done.root.empty() ? "" : "  root " + done.root;
    return line + shares_text(done.shares) + "  saved as " + shown(done.saved_as) + "\n";
}

std::string failure_lines(const peer::FetchDone& done,
                          const std::optional<peer::FetchProgress>& last, const Idiom& idiom) {
    if (done.outcome == peer::Outcome::not_found) {
        return not_found_lines(done);
    }
    if (done.outcome == peer::Outcome::cancelled) {
        return cancelled_line(done, last, idiom);
    }
    const std::string why =
        done.text.empty() ? std::string(peer::outcome_word(done.outcome)) : shown(done.text);
    std::string lines = shown(done.name) + ": " + why + "\n";
    if (!done.versions.empty()) {
        lines += version_table(done, idiom);
    }
    if (!done.near.empty()) {
        lines += "did you mean: " + listed(done.near, "'") + "\n";
    }
    return lines;
}

std::string started_line(const peer::FetchStarted& started) {
    if (started.kept == 0 || started.kept >= started.size) {
        return "";
    }
    std::string line = shown(started.name) + ": goes on from an earlier try, " +
                       size_pair(started.kept, started.size) + " is here";
    if (started.rechecked > 0) {
        line += " (" + text::size(started.rechecked) + " checked again)";
    }
    return line + "\n";
}

std::string note_line(const peer::FetchNote& note) {
    return shown(note.name) + ": " + shown(note.text) + "\n";
}

std::string list_table(const peer::FileList& list) {
    std::vector<std::vector<std::string>> rows{{"SIZE", "HOLDERS", "VERSIONS", "HERE", "NAME"}};
    for (const peer::FileRow& row : list.rows) {
        constexpr std::size_t root_digits = 8;
        const bool several = row.versions > 1 && !row.root.empty();
        const std::string holders = std::to_string(row.complete) +
                                    (row.partial > 0 ? "+" + std::to_string(row.partial) : "");
        rows.push_back({text::size(row.size), row.pending ? "pending" : holders,
                        std::to_string(row.versions), row.here ? "yes" : "-",
                        shown(row.name) + (several ? "@" + row.root.substr(0, root_digits) : "")});
    }
    const std::vector<Align> aligns{Align::right, Align::right, Align::right, Align::left,
                                    Align::left};
    return list.rows.empty() ? "" : table(aligns, rows);
}

std::string list_summary(const peer::FileList& list) {
    if (list.problem.value_or(peer::Outcome::incomplete) != peer::Outcome::incomplete) {
        return shown(list.text) + "\n";
    }
    const auto pending = static_cast<std::uint64_t>(std::count_if(
        list.rows.begin(), list.rows.end(), [](const auto& row) { return row.pending; }));
    std::string line = counted(list.rows.size(), "file", "files");
    line += list.prefix.empty() ? "" : " beginning with '" + shown(list.prefix) + "'";
    line += pending > 0 ? ", " + std::to_string(pending) + " pending: being hashed or written" : "";
    line += "; " + counted(list.hosts, "host answered", "hosts answered");
    line += list.truncated ? "; there are more files than are shown" : "";
    line += "\n";
    for (std::size_t i = 0; i < std::min(list.gaps.size(), hosts_shown_max); ++i) {
        line += "files may be missing: " + shown(list.gaps[i].host) + ": " +
                shown(list.gaps[i].why) + "\n";
    }
    const std::size_t more = list.gaps.size() - std::min(list.gaps.size(), hosts_shown_max);
    return line + (more > 0 ? "and " + counted(more, "more host", "more hosts") + "\n" : "");
}

std::string peer_table(const peer::PeerList& list) {
    std::vector<std::vector<std::string>> rows{
        {"ADDRESS", "STATE", "RECEIVED", "SENT", "ROUND TRIP", "WHY"}};
    for (const peer::PeerRow& row : list.rows) {
        rows.push_back(
            {shown(row.address), shown(row.state), text::size(row.received), text::size(row.sent),
             row.round_trip ? std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(
                                                 *row.round_trip)
                                                 .count()) +
                                  " us"
                            : "-",
             shown(row.why)});
    }
    if (list.rows.empty()) {
        return "no host is known yet; put one a line into hosts.txt\n";
    }
    return table({Align::left, Align::left, Align::right, Align::right, Align::right, Align::left},
                 rows);
}

std::string status_lines(const peer::StatusReport& report) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& [key, value] : report.lines) {
        rows.push_back({shown(key), shown(value)});
    }
    return table({Align::left, Align::left}, rows);
}

}  // namespace shoal::cli
