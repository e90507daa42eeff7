// Reports: events as text for people. Pure: names are escaped here, every line ends with '\n'.
#pragma once

#include <optional>
#include <string>

#include "shoal/peer/peer_api.hpp"

namespace shoal::cli {

// How this process is spoken to, so that what a report suggests can be typed there.
struct Idiom {
    std::string get;        // "get", "shoal get"
    std::string downloads;  // the folder
    std::string go_on;      // what resumes: "the same command goes on from there"
};

std::string closing_line(const peer::FetchDone& done);
// Why it did not end well; `last` is what was known of it.
std::string failure_lines(const peer::FetchDone& done,
                          const std::optional<peer::FetchProgress>& last, const Idiom& idiom);
// Only what is worth a line: that an earlier try is taken up.
std::string started_line(const peer::FetchStarted& started);
std::string note_line(const peer::FetchNote& note);

std::string list_table(const peer::FileList& list);
std::string list_summary(const peer::FileList& list);
std::string peer_table(const peer::PeerList& list);
std::string status_lines(const peer::StatusReport& report);

}  // namespace shoal::cli
