// Session: one control connection of FTP (RFC 959, 1123, 2389, 2428, 2640, 3659). Sans-I/O: lines
// and answers come in through handle_*(), everything that is to be done goes out through
// SessionHost. One owner thread.
//
// Rules, which the replies' order depends on:
//   1. A command whose answer is awaited (the tree, a password, an active connection) holds up
//      all that follow it; ABOR alone comes through and ends it.
//   2. A transfer runs from its 1xx reply to its last one. Meanwhile commands that need the tree
//      or the data connection wait; all others are answered at once (NOOP, STAT, TYPE, also USER
//      and REIN, which leave the transfer alone).
//   3. QUIT is answered at once; a transfer under way is finished and answered before the end.
//   4. RNTO must follow its RNFR at once. REST lasts until the next transfer.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/ftp/session_host.hpp"
#include "shoal/gateway/ftp/users.hpp"
#include "shoal/peer/gateway_api.hpp"

namespace shoal::gateway::ftp {

// The same for all sessions of a server; outlives them.
struct SessionRules {
    bool anonymous{true};
    std::optional<net::Address> advertise;  // what PASV says instead of the local address
};

struct CommandLine;

struct LoginVerdict {
    Rights rights{Rights::none};  // none: refused
    bool overloaded{false};       // nobody looked: too many wait
};

class Session {
  public:
    static constexpr std::size_t lines_max = 64;          // that wait
    static constexpr std::size_t stranger_lines_max = 8;  // of who has not logged in
    static constexpr unsigned stranger_misses_max = 16;   // lines that are no commands: hang up
    static constexpr unsigned login_attempts_max = 3;

    Session(const SessionRules& rules, SessionHost& host) : rules_(rules), host_(host) {}

    // Inputs ----------------------------------------------------------------------------------
    void greet();
    void handle_line(std::string_view line);
    void handle_line_too_long();
    // The control connection has taken everything sent so far.
    void handle_sent();
    void handle_login(const LoginVerdict& verdict);
    void handle_entry(Result<peer::TreeEntry> entry);
    void handle_view(Result<peer::FolderViewPtr> view);
    void handle_changed(const Status& status);
    void handle_hash(const Result<std::string>& hash);
    void handle_data(const Status& connected);
    void handle_opened(const Result<peer::TreeEntry>& entry);
    void handle_stored(const Status& opened);
    void handle_transfer_end(const TransferEnd& end);

    // Outputs ---------------------------------------------------------------------------------
    // False while so many lines wait that no more should be read.
    [[nodiscard]] bool wants_lines() const {
        return waiting_.size() < (logged_in() ? lines_max : stranger_lines_max);
    }
    [[nodiscard]] bool logged_in() const { return rights_ != Rights::none; }
    // Something is under way: this is no idle client.
    [[nodiscard]] bool busy() const { return asking_ || transferring_ || status_ != nullptr; }
    [[nodiscard]] bool quitting() const { return quitting_; }
    [[nodiscard]] const std::string& user() const { return user_; }

  private:
    friend struct CommandTable;
    enum class Data : std::uint8_t { none, listening, connecting, ready };
    enum class Transfer : std::uint8_t { list, retrieve, store };
    using Entry = peer::TreeEntry;
    using Then = void (Session::*)(const Entry&);
    using OrElse = void (Session::*)(const Error&);

    // Commands, by the table.
    void do_abor(std::string_view);
    void do_acct(std::string_view);
    void do_allo(std::string_view);
    void do_appe(std::string_view path);
    void do_cdup(std::string_view);
    void do_cwd(std::string_view path);
    void do_dele(std::string_view path);
    void do_eprt(std::string_view argument);
    void do_epsv(std::string_view argument);
    void do_feat(std::string_view);
    void do_hash(std::string_view path);
    void do_help(std::string_view topic);
    void do_list(std::string_view argument);
    void do_mdtm(std::string_view path);
    void do_mfmt(std::string_view argument);
    void do_mkd(std::string_view path);
    void do_mlsd(std::string_view path);
    void do_mlst(std::string_view path);
    void do_mode(std::string_view argument);
    void do_nets(std::string_view);
    void do_nlst(std::string_view argument);
    void do_noop(std::string_view);
    void do_opts(std::string_view argument);
    void do_pass(std::string_view password);
    void do_pasv(std::string_view);
    void do_port(std::string_view argument);
    void do_pwd(std::string_view);
    void do_quit(std::string_view);
    void do_rein(std::string_view);
    void do_rest(std::string_view argument);
    void do_retr(std::string_view path);
    void do_rmd(std::string_view path);
    void do_rnfr(std::string_view path);
    void do_rnto(std::string_view path);
    void do_site(std::string_view argument);
    void do_size(std::string_view path);
    void do_stat(std::string_view argument);
    void do_stor(std::string_view path);
    void do_stou(std::string_view path);
    void do_stru(std::string_view argument);
    void do_syst(std::string_view);
    void do_type(std::string_view argument);
    void do_user(std::string_view name);
    void do_refused(std::string_view);  // known, and not done here

    // session.cpp: lines, questions, replies
    void run(std::string_view line);
    void run_waiting();
    [[nodiscard]] bool must_wait(std::string_view line) const;
    [[nodiscard]] bool urgent(const CommandLine& command) const;
    void handle_unknown(const CommandLine& command);
    void hang_up(int code, std::string_view why);
    void say(int code, std::string_view text);
    void refuse(const Error& error);
    void finish(int code, std::string_view text);  // the answer has come: say so, go on
    using Where = SessionHost::Where;
    void lookup(const std::string& name, Then then, OrElse or_else, Where where = Where::tree);
    void log_out();
    void end_data();

    // session_tree.cpp
    [[nodiscard]] bool may_write();
    void take(std::string_view path);  // into name_
    void create(std::string_view path, Where where, Then existing, Then make);
    void create_missing(const Error& error);
    void find_parent(const Error& error);
    void create_under(const Entry& parent);
    void refuse_existing(const Entry& entry);
    void change(Change change);
    void enter(const Entry& entry);
    void say_size(const Entry& entry);
    void say_time(const Entry& entry);
    void say_facts(const Entry& entry);
    void say_hash(const Entry& entry);
    void note_rename(const Entry& entry);
    void rename_over(const Entry& entry);
    void rename_into(const Entry& parent);
    void make_folder(const Entry& parent);
    [[nodiscard]] ListingStyle style(ListingStyle::Format format) const;

    // session_settings.cpp
    void opts_mlst(std::string_view argument);
    void opts_hash(std::string_view argument);
    void say_status();
    [[nodiscard]] std::string mlst_feature() const;

    // session_data.cpp
    [[nodiscard]] bool may_connect();  // no EPSV ALL
    void connect(const net::Address& address);
    [[nodiscard]] std::optional<net::Address> listen();

    // session_transfer.cpp
    [[nodiscard]] bool has_data();
    void start_list(std::string_view path, ListingStyle::Format format);
    void list_entry(const Entry& entry);
    void list_pattern(const Error& error);
    void show(Listing listing);
    void store(std::string_view path, std::uint64_t keep, bool unique);
    void store_over(const Entry& entry);
    void store_into(const Entry& parent);
    void begin(Transfer kind, const std::string& text);

    const SessionRules& rules_;
    SessionHost& host_;
    std::string user_;
    std::string cwd_;      // names as the door wants them
    std::string name_;     // what the command under way is about
    std::string typed_;    // as the client wrote it, where the reply says so
    std::string from_;     // RNFR's name
    std::string pattern_;  // of LIST and NLST
    std::list<std::string> waiting_;
    std::unique_ptr<Listing> status_;  // STAT of a folder, being sent
    Then then_{nullptr};               // lookup's answers
    OrElse or_else_{nullptr};
    Then make_{nullptr};  // what create() is for
    std::uint64_t restart_{0};
    std::uint64_t offset_{0};  // of the transfer that is being opened
    std::uint8_t facts_{all_facts};
    std::uint8_t attempts_{0};
    std::uint8_t misses_{0};  // before the login
    bool understood_{false};  // some line was a command
    Rights rights_{Rights::none};
    Data data_{Data::none};
    Transfer kind_{Transfer::list};
    ListingStyle::Format format_{ListingStyle::Format::lines};
    Change::Kind change_{};
    bool changing_{false};  // `change_` is under way: it cannot be called back
    bool ascii_{true};
    bool named_{false};  // USER was said
    bool epsv_all_{false};
    bool asking_{false};
    bool transferring_{false};
    bool transfer_waits_{false};  // began without PASV or PORT (STOU): they may come now
    bool finishing_{false};       // ABOR came too late: the transfer's own reply comes first
    bool running_waiting_{false};
    bool quitting_{false};
    bool renaming_{false};
    bool unique_{false};
    bool to_status_{false};  // the listing goes over the control connection
    bool root_hash_{false};  // HASH gives the tree's root
};

}  // namespace shoal::gateway::ftp
