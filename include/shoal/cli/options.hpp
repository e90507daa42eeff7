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

enum class Command { prompt, serve, get, list, search, status, hash, ftp_user, call, help };
enum class Progress { automatic, always, never };

// A search, and how its results are shown.
struct SearchRequest {
    peer::SearchOrder order;
    bool show_path{false};
    bool json{false};
};

// The FTP gateway. It binds where the peer does.
struct FtpOptions {
    std::uint16_t port{0};  // 0: no gateway
    unsigned threads{2};
    unsigned clients_per_thread{200};
    unsigned clients_per_address{0};  // 0: a quarter of all
    std::string users;                // file; empty: none but anonymous
    std::optional<bool> anonymous;    // unset: as long as there is no secret
    std::uint16_t passive_low{0};     // 0: any port
    std::uint16_t passive_high{0};
    std::string advertise;
    Duration idle{std::chrono::minutes(5)};
    bool may_write{false};  // ftp-user: the rights of the new user
};

// The JSON gateway, and those who call one.
struct JsonOptions {
    std::uint16_t port{0};  // 0: no gateway; call: the default one
    unsigned threads{4};
    std::vector<std::string> allow{".txt"};  // endings; "*" for all
    bool write{false};
    std::string input;   // call: where content comes from; "-" is standard input
    std::string output;  // call: where content goes
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
    FtpOptions ftp;
    JsonOptions json_gateway;
};

// `arguments` are those after the program's name. What the command line says wins over what the
// file of --config says; of an option given twice the last wins. Every error is the user's and
// names the option, the value and what is allowed; its exit code is 2.
Result<Options> parse_options(const std::vector<std::string>& arguments);

std::string help_text(Command command);
std::string version_text();

}  // namespace shoal::cli
