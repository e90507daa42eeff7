#include "gateway/ftp/command_table.hpp"

#include <algorithm>
#include <array>

namespace shoal::gateway::ftp {

// By verb, in order.
const CommandTable::Row CommandTable::table[] = {
    {"ABOR", "", Argument::none, login, &Session::do_abor},
    {"ACCT", "<account>", Argument::required, anybody, &Session::do_acct},
    {"ALLO", "<size>", Argument::required, login, &Session::do_allo},
    {"APPE", "<path>", Argument::required, login | waits | exact, &Session::do_appe},
    {"AUTH", "<mechanism>", Argument::required, anybody, &Session::do_refused},
    {"CDUP", "", Argument::none, login | waits, &Session::do_cdup},
    {"CWD", "[<path>]", Argument::optional, login | waits | exact, &Session::do_cwd},
    {"DELE", "<path>", Argument::required, login | waits | exact, &Session::do_dele},
    {"EPRT", "|<protocol>|<address>|<port>|", Argument::required, login | makes_data,
     &Session::do_eprt},
    {"EPSV", "[1|2|ALL]", Argument::optional, login | makes_data, &Session::do_epsv},
    {"FEAT", "", Argument::none, anybody, &Session::do_feat},
    {"HASH", "<path>", Argument::required, login | waits | exact, &Session::do_hash},
    {"HELP", "[<command>]", Argument::optional, anybody, &Session::do_help},
    {"LIST", "[<path>]", Argument::optional, login | waits | exact, &Session::do_list},
    {"MDTM", "<path>", Argument::required, login | waits | exact, &Session::do_mdtm},
    {"MFMT", "<YYYYMMDDHHMMSS> <path>", Argument::required, login | waits | exact,
     &Session::do_mfmt},
    {"MKD", "<path>", Argument::required, login | waits | exact, &Session::do_mkd},
    {"MLSD", "[<path>]", Argument::optional, login | waits | exact, &Session::do_mlsd},
    {"MLST", "[<path>]", Argument::optional, login | waits | exact, &Session::do_mlst},
    {"MODE", "S", Argument::required, login, &Session::do_mode},
    {"NETS", "", Argument::none, login, &Session::do_nets},
    {"NLST", "[<path>]", Argument::optional, login | waits | exact, &Session::do_nlst},
    {"NOOP", "", Argument::none, anybody, &Session::do_noop},
    {"OPTS", "<command> [<options>]", Argument::required, anybody, &Session::do_opts},
    {"PASS", "[<password>]", Argument::optional, exact, &Session::do_pass},
    {"PASV", "", Argument::none, login | makes_data, &Session::do_pasv},
    {"PBSZ", "<size>", Argument::required, anybody, &Session::do_refused},
    {"PORT", "<h1,h2,h3,h4,p1,p2>", Argument::required, login | makes_data, &Session::do_port},
    {"PROT", "<level>", Argument::required, anybody, &Session::do_refused},
    {"PWD", "", Argument::none, login | waits, &Session::do_pwd},
    {"QUIT", "", Argument::none, anybody, &Session::do_quit},
    {"REIN", "", Argument::none, login, &Session::do_rein},
    {"REST", "<offset>", Argument::required, login | waits, &Session::do_rest},
    {"RETR", "<path>", Argument::required, login | waits | exact, &Session::do_retr},
    {"RMD", "<path>", Argument::required, login | waits | exact, &Session::do_rmd},
    {"RNFR", "<path>", Argument::required, login | waits | exact, &Session::do_rnfr},
    {"RNTO", "<path>", Argument::required, login | waits | exact, &Session::do_rnto},
    {"SITE", "HELP | CHMOD <mode> <path>", Argument::required, exact, &Session::do_site},
    {"SIZE", "<path>", Argument::required, login | waits | exact, &Session::do_size},
    {"SMNT", "<path>", Argument::required, login | exact, &Session::do_refused},
    {"STAT", "[<path>]", Argument::optional, waits_argued | exact, &Session::do_stat},
    {"STOR", "<path>", Argument::required, login | waits | exact, &Session::do_stor},
    {"STOU", "[<path>]", Argument::optional, login | waits | exact, &Session::do_stou},
    {"STRU", "F", Argument::required, login, &Session::do_stru},
    {"SYST", "", Argument::none, anybody, &Session::do_syst},
    {"TYPE", "A | I | L 8", Argument::required, login, &Session::do_type},
    {"USER", "<name>", Argument::required, anybody, &Session::do_user},
    {"XCUP", "", Argument::none, login | waits, &Session::do_cdup},
    {"XCWD", "[<path>]", Argument::optional, login | waits | exact, &Session::do_cwd},
    {"XMKD", "<path>", Argument::required, login | waits | exact, &Session::do_mkd},
    {"XPWD", "", Argument::none, login | waits, &Session::do_pwd},
    {"XRMD", "<path>", Argument::required, login | waits | exact, &Session::do_rmd},
};

std::span<const CommandTable::Row> CommandTable::rows() { return table; }

const CommandTable::Row* CommandTable::find(std::string_view verb) {
    const auto all = rows();
    const auto found =
        std::lower_bound(all.begin(), all.end(), verb,
                         [](const Row& row, std::string_view wanted) { return row.verb < wanted; });
    return found != all.end() && found->verb == verb ? &*found : nullptr;
}

std::string upper(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char sign) {
        return sign >= 'a' && sign <= 'z' ? static_cast<char>(sign - 'a' + 'A') : sign;
    });
    return out;
}

std::string_view trim(std::string_view text) {
    const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
    const std::size_t last = text.find_last_not_of(" \t");
    return last == text.npos ? std::string_view{} : text.substr(begin, last + 1 - begin);
}

namespace {

// "HTTP/1.1", "RTSP/1.0".
bool is_version(std::string_view word) {
    const std::size_t slash = word.find('/');
    const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return slash != word.npos && slash > 0 &&
           std::all_of(word.data(), word.data() + slash, is_letter) && word.size() == slash + 4 &&
           is_digit(word[slash + 1]) && word[slash + 2] == '.' && is_digit(word[slash + 3]);
}

}  // namespace

bool is_foreign(const CommandLine& command, bool first) {
    static constexpr std::array<std::string_view, 9> methods{
        "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"};
    const std::string_view argument = trim(command.argument);
    const std::string_view version = argument.substr(argument.rfind(' ') + 1);
    const bool like_ftp =
        command.verb.empty() || (command.verb.size() >= 3 && command.verb.size() <= 4 &&
                                 std::all_of(command.verb.begin(), command.verb.end(),
                                             [](char c) { return c >= 'A' && c <= 'Z'; }));
    return std::find(methods.begin(), methods.end(), command.verb) != methods.end() ||
           is_version(version) || (first && !like_ftp);
}

CommandLine split_line(std::string_view line) {
    while (!line.empty() && static_cast<std::uint8_t>(line.front()) >= 0x80U) {
        line.remove_prefix(1);
    }
    const std::size_t space = std::min(line.find(' '), line.size());
    CommandLine command{upper(line.substr(0, space)), {}};
    if (space < line.size()) {
        command.argument = line.substr(space + 1);
    }
    return command;
}

}  // namespace shoal::gateway::ftp
