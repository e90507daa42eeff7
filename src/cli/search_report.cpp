#include "search_report.hpp"

#include <algorithm>
#include <set>

#include "shoal/base/text.hpp"
#include "table.hpp"

namespace shoal::cli {
namespace {

std::string counted(std::uint64_t count, const char* one, const char* many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string holders(const peer::FoundFile& file) {
    if (file.pending) {
        return "pending";
    }
    return std::to_string(file.complete) +
           (file.partial > 0 ? "+" + std::to_string(file.partial) : "");
}

std::string way_lines(const peer::FoundFile& file) {
    std::string lines;
    for (const peer::FoundHost& host : file.hosts) {
        lines += "     " + text::escape(host.host) + (host.whole ? "" : " (in part)");
        for (std::size_t hop = 0; hop < host.path.size(); ++hop) {
            lines += (hop == 0 ? "  by way of " : " > ") + text::escape(host.path[hop]);
        }
        lines += "\n";
    }
    return lines;
}

std::string ring_words(const std::vector<unsigned>& rings) {
    std::string words;
    for (const unsigned ttl : rings) {
        words += (words.empty() ? "TTL " : ", ") + std::to_string(ttl);
    }
    return words;
}

// Milliseconds too: that is what a search takes.
std::string time_text(Duration span) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
    return ms < 1000 ? std::to_string(ms) + " ms" : text::duration(span);
}

// What did not answer as it should have.
std::string gaps(const peer::SearchPrice& price) {
    std::string words;
    const auto add = [&words](std::uint64_t count, const char* what) {
        words += count > 0 ? "; " + std::to_string(count) + what : "";
    };
    add(price.late, " did not answer in time");
    add(price.lost, " lost on the way");
    add(price.refused, " refused");
    add(price.unsure, " could not look at all files there");
    return words;
}

}  // namespace

std::string search_table(const peer::SearchResults& results, bool show_path) {
    if (results.files.empty()) {
        return "";
    }
    std::vector<std::vector<std::string>> rows{
        {"#", "SIZE", "HOLDERS", "HOPS", "BEST RATE", "HERE", "NAME"}};
    for (std::size_t i = 0; i < results.files.size(); ++i) {
        const peer::FoundFile& file = results.files[i];
        rows.push_back({std::to_string(i + 1), text::size(file.size), holders(file),
                        std::to_string(file.hops),
                        file.rate > 0 ? text::rate(static_cast<double>(file.rate)) : "-",
                        file.here ? "yes" : "-", text::escape(file.name)});
    }
    std::string lines = table({Align::right, Align::right, Align::right, Align::right, Align::right,
                               Align::left, Align::left},
                              rows);
    if (!show_path) {
        return lines;
    }
    std::string with_ways;
    std::size_t begin = 0;
    for (std::size_t row = 0; row < rows.size(); ++row) {
        const std::size_t end = lines.find('\n', begin) + 1;
        with_ways += lines.substr(begin, end - begin);
        with_ways += row > 0 ? way_lines(results.files[row - 1]) : "";
        begin = end;
    }
    return with_ways;
}

std::string search_summary(const peer::SearchResults& results) {
    const peer::SearchPrice& price = results.price;
    using peer::Outcome;
    const Outcome problem = results.problem.value_or(Outcome::done);
    if (problem != Outcome::done && problem != Outcome::cancelled &&
        problem != Outcome::incomplete) {
        return text::escape(results.text) + "\n";
    }
    std::set<std::string> hosts;
    for (const peer::FoundFile& file : results.files) {
        for (const peer::FoundHost& host : file.hosts) {
            hosts.insert(host.host);
        }
    }
    const auto pending = static_cast<std::uint64_t>(std::count_if(
        results.files.begin(), results.files.end(), [](const auto& file) { return file.pending; }));
    std::string line = problem == Outcome::cancelled ? "stopped; " : "";
    line += results.files.empty()
                ? (problem == Outcome::incomplete ? results.text : "nothing found")
                : counted(results.files.size(), "file", "files") + " at " +
                      counted(hosts.size(), "host", "hosts");
    line += pending > 0 ? ", " + std::to_string(pending) + " pending: being hashed or written" : "";
    line += results.truncated ? ", and there is more" : "";
    line += "; asked " + counted(price.hosts, "host", "hosts") + " (" + ring_words(price.rings) +
            ") with " + counted(price.messages, "message", "messages") + ", " +
            text::size(price.bytes) + ", " + counted(price.duplicates, "duplicate", "duplicates") +
            " dropped, in " + time_text(results.elapsed);
    return line + gaps(price) + "\n";
}

int search_code(const peer::SearchResults& results) {
    if (results.problem) {
        return static_cast<int>(*results.problem);
    }
    return static_cast<int>(results.files.empty() ? peer::Outcome::not_found : peer::Outcome::done);
}

}  // namespace shoal::cli
