// Settings and information: TYPE, MODE, STRU, OPTS, FEAT, HELP, STAT, SITE and the like.
#include <algorithm>
#include <array>

#include "gateway/ftp/command_table.hpp"
#include "gateway/ftp/path.hpp"
#include "gateway/ftp/reply.hpp"
#include "gateway/ftp/session.hpp"

namespace shoal::gateway::ftp {
namespace {

bool contains(std::span<const std::string_view> words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr std::size_t fact_count = 8;

}  // namespace

void Session::do_noop(std::string_view) { say(200, "I successfully did nothing."); }

void Session::do_syst(std::string_view) { say(215, "UNIX Type: L8"); }

void Session::do_allo(std::string_view) { say(202, "No storage allocation necessary."); }

void Session::do_refused(std::string_view) { say(502, "Command not implemented."); }

void Session::do_nets(std::string_view) {
    say(201, "Network size is " + std::to_string(host_.network_size()) + ".");
}

void Session::do_type(std::string_view argument) {
    static constexpr std::array<std::string_view, 4> ascii{"A", "A N", "L7", "L 7"};
    static constexpr std::array<std::string_view, 3> image{"I", "L8", "L 8"};
    const std::string type = upper(argument);
    if (contains(ascii, type)) {
        ascii_ = true;
        say(200, "Type set to: ASCII.");
    } else if (contains(image, type)) {
        ascii_ = false;
        say(200, "Type set to: Binary.");
    } else {
        say(504, "Unsupported type \"" + std::string(argument.substr(0, 16)) + "\".");
    }
}

void Session::do_mode(std::string_view argument) {
    const std::string mode = upper(argument);
    if (mode == "S") {
        say(200, "Transfer mode set to: S.");
    } else if (mode == "B" || mode == "C") {
        say(504, "Unimplemented MODE type.");
    } else {
        say(501, "Unrecognized MODE type.");
    }
}

void Session::do_stru(std::string_view argument) {
    const std::string structure = upper(argument);
    if (structure == "F") {
        say(200, "File transfer structure set to: F.");
    } else if (structure == "R" || structure == "P") {
        say(504, "Unimplemented STRU type.");
    } else {
        say(501, "Unrecognized STRU type.");
    }
}

// Features and options ----------------------------------------------------------------------------

std::string Session::mlst_feature() const {
    std::string feature = "MLST ";
    for (std::size_t i = 0; i < fact_count; ++i) {
        feature += fact_name(static_cast<Fact>(i));
        feature += ((facts_ >> i) & 1U) != 0 ? "*;" : ";";
    }
    return feature;
}

void Session::do_feat(std::string_view) {
    const std::string hashes = root_hash_ ? "HASH SHA-256;BEP52*" : "HASH SHA-256*;BEP52";
    host_.send(reply(211, "Features supported:",
                     {"EPRT", "EPSV", hashes, "MDTM", "MFMT", mlst_feature(), "NETS", "REST STREAM",
                      "SIZE", "TVFS", "UTF8"},
                     "End FEAT."));
}

void Session::do_opts(std::string_view argument) {
    const std::size_t space = std::min(argument.find(' '), argument.size());
    const std::string command = upper(argument.substr(0, space));
    const std::string_view options = argument.substr(std::min(space + 1, argument.size()));
    if (command == "UTF8" || command == "UTF-8") {  // some clients ask before they log in
        const std::string wanted = upper(options);
        if (wanted.empty() || wanted == "ON" || wanted == "NLST") {
            say(200, "Names are always UTF-8.");
        } else {
            say(504, "Names are always UTF-8.");
        }
    } else if (!logged_in()) {
        say(530, "Log in with USER and PASS first.");
    } else if (command == "MLST") {
        opts_mlst(options);
    } else if (command == "HASH") {
        opts_hash(options);
    } else {
        say(501, "Unsupported command: " + command.substr(0, 16));
    }
}

// RFC 3659, 7.9: unknown facts are passed over, the answer names those that were chosen.
void Session::opts_mlst(std::string_view argument) {
    if (argument.find(' ') != argument.npos || (!argument.empty() && argument.back() != ';')) {
        say(501, "Invalid argument: facts end with ';'.");
        return;
    }
    std::uint8_t chosen = 0;
    for (std::string wanted = upper(argument); !wanted.empty();) {
        const std::size_t end = wanted.find(';');
        for (std::size_t i = 0; i < fact_count; ++i) {
            if (upper(fact_name(static_cast<Fact>(i))) == wanted.substr(0, end)) {
                chosen = static_cast<std::uint8_t>(chosen | (1U << i));
            }
        }
        wanted.erase(0, end + 1);
    }
    facts_ = chosen;
    std::string said = "MLST OPTS ";
    for (std::size_t i = 0; i < fact_count; ++i) {
        if (((facts_ >> i) & 1U) != 0) {
            said += fact_name(static_cast<Fact>(i));
            said += ';';
        }
    }
    say(200, said);
}

void Session::opts_hash(std::string_view argument) {
    const std::string wanted = upper(argument);
    if (wanted == "SHA-256" || wanted == "BEP52") {
        root_hash_ = wanted == "BEP52";
    } else if (!wanted.empty()) {
        say(501, "Unknown algorithm, use SHA-256 or BEP52.");
        return;
    }
    say(200, root_hash_ ? "BEP52" : "SHA-256");
}

// Help and status
// -----------------------------------------------------------------------------------

void Session::do_help(std::string_view topic) {
    std::string verb = upper(topic.substr(0, topic.find(' ')));
    if (verb.empty()) {
        std::vector<std::string> lines;
        for (const CommandTable::Row& row : CommandTable::rows()) {
            if (lines.empty() || lines.back().size() + 6 > 64) {
                lines.emplace_back();
            }
            lines.back() += std::string(row.verb) + std::string(6 - row.verb.size(), ' ');
        }
        host_.send(reply(214, "The following commands are recognized:", lines,
                         "Help command successful."));
    } else if (const CommandTable::Row* row = CommandTable::find(verb)) {
        const std::string gap = row->syntax.empty() ? "" : " ";
        say(214, "Syntax: " + verb + gap + std::string(row->syntax));
    } else {
        say(501, "Unrecognized command.");
    }
}

void Session::do_site(std::string_view argument) {
    const std::size_t space = std::min(argument.find(' '), argument.size());
    const std::string command = upper(argument.substr(0, space));
    const std::string rest = upper(argument.substr(std::min(space + 1, argument.size())));
    if (command == "HELP") {
        if (rest.empty() || rest == "HELP" || rest == "CHMOD") {
            say(214, "Syntax: SITE HELP | SITE CHMOD <mode> <path> (refused)");
        } else {
            say(501, "Unrecognized SITE command.");
        }
    } else if (command == "CHMOD" && rest.empty()) {
        say(501, "Syntax error: command needs an argument.");
    } else if (!logged_in()) {
        say(530, "Log in with USER and PASS first.");
    } else if (command == "CHMOD") {
        say(502, "Files have no modes here.");
    } else {
        say(500, "Unrecognized SITE command.");
    }
}

void Session::say_status() {
    std::vector<std::string> lines;
    lines.push_back("Connected from " + host_.control_peer().host());
    if (logged_in()) {
        lines.push_back("Logged in as " + user_);
    } else {
        lines.emplace_back(named_ ? "Waiting for password" : "Waiting for username");
    }
    lines.push_back("TYPE: " + std::string(ascii_ ? "ASCII" : "Image") +
                    "; STRUcture: File; MODE: Stream");
    if (transferring_) {
        lines.emplace_back(kind_ == Transfer::store ? "Receiving a file" : "Sending data");
    } else if (data_ == Data::listening || data_ == Data::connecting) {
        lines.emplace_back("Data connection awaited");
    } else {
        lines.emplace_back(data_ == Data::ready ? "Data connection open" : "No data connection");
    }
    lines.push_back("Hosts in the swarm: " + std::to_string(host_.network_size()));
    host_.send(reply(211, "FTP gateway status:", lines, "End of status."));
}

}  // namespace shoal::gateway::ftp
