// Lines, login, and what all commands share.
#include "gateway/ftp/session.hpp"

#include <utility>

#include "gateway/ftp/command_table.hpp"
#include "gateway/ftp/path.hpp"
#include "gateway/ftp/reply.hpp"
#include "shoal/base/wipe.hpp"

namespace shoal::gateway::ftp {

using Argument = CommandTable::Argument;

void Session::greet() { say(220, "Shoal FTP gateway ready."); }

void Session::handle_line(std::string_view line) {
    if (quitting_) {
        return;
    }
    const bool behind = !waiting_.empty() && !urgent(split_line(line));
    if (behind || must_wait(line)) {
        waiting_.emplace_back(line);
    } else {
        run(line);
    }
}

void Session::handle_line_too_long() {
    if (!understood_) {
        return hang_up(421, "This is FTP, and that is not.");
    }
    say(500, "Command too long.");
}

bool Session::urgent(const CommandLine& command) const {
    return command.verb == "ABOR" && trim(command.argument).empty() && logged_in() && !changing_ &&
           !finishing_;
}

bool Session::must_wait(std::string_view line) const {
    const CommandLine command = split_line(line);
    if (urgent(command)) {
        return false;
    }
    if (asking_ || status_ || finishing_) {
        return true;
    }
    const CommandTable::Row* row = CommandTable::find(command.verb);
    if (!transferring_ || row == nullptr || !logged_in()) {
        return false;
    }
    using Table = CommandTable;
    return (row->conditions & Table::waits) != 0 ||
           ((row->conditions & Table::waits_argued) != 0 && !command.argument.empty()) ||
           ((row->conditions & Table::makes_data) != 0 && !transfer_waits_);
}

void Session::run(std::string_view line) {
    const CommandLine command = split_line(line);
    const CommandTable::Row* row = CommandTable::find(command.verb);
    const bool was_renaming = std::exchange(renaming_, false);
    if (row == nullptr) {
        return handle_unknown(command);
    }
    understood_ = true;
    // A trailing blank belongs to a name or a password, and means nothing elsewhere.
    const bool exact = (row->conditions & CommandTable::exact) != 0;
    const std::string_view argument = exact ? command.argument : trim(command.argument);
    if (row->argument == Argument::required && argument.empty()) {
        say(501, "Syntax error: command needs an argument.");
    } else if (row->argument == Argument::none && !argument.empty()) {
        say(501, "Syntax error: command does not accept arguments.");
    } else if ((row->conditions & CommandTable::login) != 0 && !logged_in()) {
        say(530, "Log in with USER and PASS first.");
    } else {
        renaming_ = was_renaming && row->run == &Session::do_rnto;
        (this->*row->run)(argument);
    }
}

// A web page can make a browser send what it likes behind the head of an HTTP request, and other
// protocols have heads, too: whoever speaks them is no FTP client, and nothing behind is obeyed.
void Session::handle_unknown(const CommandLine& command) {
    if (is_foreign(command, !understood_)) {
        return hang_up(421, "This is FTP, and that is not.");
    }
    say(500, "Command \"" + command.verb.substr(0, 64) + "\" not understood.");
    if (!logged_in() && ++misses_ >= stranger_misses_max) {
        hang_up(421, "That is no FTP.");
    }
}

void Session::hang_up(int code, std::string_view why) {
    quitting_ = true;
    waiting_.clear();
    say(code, why);
    host_.close();
}

// A line may be answered before its command returns, which comes back here: the loop goes on then.
void Session::run_waiting() {
    if (std::exchange(running_waiting_, true)) {
        return;
    }
    while (!waiting_.empty() && !quitting_ && !must_wait(waiting_.front())) {
        std::string line = waiting_.front();
        wipe(waiting_.front());
        waiting_.pop_front();
        run(line);
        wipe(line);
    }
    running_waiting_ = false;
}

void Session::handle_sent() {
    if (!status_) {
        return;
    }
    std::string block;
    status_->fill(block, 16UL * 1024);
    if (!block.empty()) {
        host_.send(block);
    }
    if (status_->done()) {
        status_.reset();
        say(213, "End of status.");
        run_waiting();
    }
}

void Session::say(int code, std::string_view text) { host_.send(reply(code, text)); }

void Session::refuse(const Error& error) { finish(code_of(error.kind), error.message); }

void Session::finish(int code, std::string_view text) {
    asking_ = false;
    changing_ = false;
    say(code, text);
    run_waiting();
}

void Session::lookup(const std::string& name, Then then, OrElse or_else, Where where) {
    then_ = then;
    or_else_ = or_else;
    asking_ = true;
    if (name.empty()) {
        Entry root;
        root.folder = true;
        (this->*then_)(root);
        return;
    }
    host_.lookup(name, where);
}

void Session::handle_entry(Result<Entry> entry) {
    if (entry) {
        (this->*then_)(*entry);
    } else if (or_else_ != nullptr) {
        (this->*or_else_)(entry.error());
    } else {
        refuse(entry.error());
    }
}

// Login -------------------------------------------------------------------------------------------

void Session::do_user(std::string_view name) {
    log_out();
    user_ = name;
    named_ = true;
    say(331, "Username ok, send password.");
}

void Session::do_pass(std::string_view password) {
    if (logged_in()) {
        say(503, "User already authenticated.");
    } else if (!named_) {
        say(503, "Login with USER first.");
    } else if (rules_.anonymous && (user_ == "anonymous" || user_ == "ftp")) {
        handle_login({Rights::read, false});
    } else {
        asking_ = true;
        host_.check_password(user_, SecretText(password));
    }
}

void Session::handle_login(const LoginVerdict& verdict) {
    named_ = false;
    if (verdict.overloaded) {
        finish(421, "Too many logins at once, try again later.");
        quitting_ = true;
        host_.close();
    } else if (verdict.rights != Rights::none) {
        rights_ = verdict.rights;
        attempts_ = 0;
        finish(230, "Login successful.");
    } else {
        ++attempts_;
        const bool enough = attempts_ >= login_attempts_max;
        quitting_ = quitting_ || enough;  // before more lines run
        finish(530, "Authentication failed.");
        if (enough) {
            host_.close();
        }
    }
}

void Session::do_acct(std::string_view) { say(202, "No account needed."); }

void Session::log_out() {
    rights_ = Rights::none;
    user_.clear();
    named_ = false;
    cwd_.clear();
    restart_ = 0;
}

void Session::do_rein(std::string_view) {
    log_out();
    ascii_ = true;
    facts_ = all_facts;
    epsv_all_ = false;
    root_hash_ = false;
    if (!transferring_) {
        end_data();
    }
    say(220, "Ready for new user.");
}

void Session::do_quit(std::string_view) {
    quitting_ = true;
    waiting_.clear();
    say(221, "Goodbye.");
    if (!transferring_) {
        host_.close();
    }
}

void Session::end_data() {
    host_.drop_data();
    data_ = Data::none;
}

}  // namespace shoal::gateway::ftp
