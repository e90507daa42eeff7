// Options: what the command line and the config file say.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shoal/base/log.hpp"
#include "shoal/base/result.hpp"
#include "shoal/base/time.hpp"
#include "shoal/peer/peer.hpp"
#include "shoal/peer/peer_api.hpp"

namespace shoal::cli {

enum class Command { prompt, serve, get, list, search, status, hash, help };
enum class Progress { automatic, always, never };

// A search, and how its results are shown.
struct SearchRequest {
    peer::SearchOrder order;
    bool show_path{false};
    bool json{false};
};

struct Options {
    Command command{Command::prompt};
    std::vector<std::string> arguments;  // what follows the command: names, files
    bool help{false};
    bool version{false};

    peer::PeerOptions peer;  // port and one_shot as the command wants them
    unsigned wait_hosts{0};
    Duration timeout{std::chrono::seconds(30)};
    bool stay{false};
    bool rename{false};
    bool plan{false};
    bool explain{false};
    bool search_beyond{false};  // for what no known host has
    SearchRequest search;
    bool json{false};
    Progress progress{Progress::automatic};
    log::Level log_level{log::Level::info};
    std::string log_file;  // empty: stderr
};

// `arguments` are those after the program's name. What the command line says wins over what the
// file of --config says; of an option given twice the last wins. Every error is the user's and
// names the option, the value and what is allowed; its exit code is 2.
Result<Options> parse_options(const std::vector<std::string>& arguments);

std::string help_text(Command command);
std::string version_text();

}  // namespace shoal::cli
