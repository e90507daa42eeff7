// Commands on names: where we are, what stands there, changes.
#include <utility>

#include "gateway/ftp/clock_text.hpp"
#include "gateway/ftp/path.hpp"
#include "gateway/ftp/reply.hpp"
#include "gateway/ftp/session.hpp"
#include "shoal/base/text.hpp"

namespace shoal::gateway::ftp {

void Session::take(std::string_view path) { name_ = resolve(cwd_, path); }

bool Session::may_write() {
    if (rights_ != Rights::write) {
        say(550, "Permission denied: log in with a user that may write.");
    }
    return rights_ == Rights::write;
}

ListingStyle Session::style(ListingStyle::Format format) const {
    return {format, facts_, rights_ == Rights::write, host_.now()};
}

// Where we are ------------------------------------------------------------------------------------

void Session::do_pwd(std::string_view) {
    host_.send("257 " + quoted(cwd_) + " is the current directory.\r\n");
}

void Session::do_cwd(std::string_view path) {
    take(path.empty() ? "/" : path);
    lookup(name_, &Session::enter, nullptr);
}

void Session::do_cdup(std::string_view) { do_cwd(".."); }

void Session::enter(const Entry& entry) {
    if (!entry.folder) {
        finish(550, absolute(name_) + " is not a directory.");
        return;
    }
    cwd_ = name_;
    asking_ = false;
    host_.send("250 " + quoted(cwd_) + " is the current directory.\r\n");
    run_waiting();
}

// What stands there -------------------------------------------------------------------------------

void Session::do_size(std::string_view path) {
    if (ascii_) {
        say(550, "SIZE not allowed in ASCII mode.");
        return;
    }
    take(path);
    lookup(name_, &Session::say_size, nullptr);
}

void Session::say_size(const Entry& entry) {
    if (entry.folder) {
        finish(550, absolute(name_) + " is not retrievable.");
    } else {
        finish(213, std::to_string(entry.size));
    }
}

void Session::do_mdtm(std::string_view path) {
    take(path);
    lookup(name_, &Session::say_time, nullptr);
}

void Session::say_time(const Entry& entry) {
    if (entry.folder) {
        finish(550, absolute(name_) + " is not retrievable.");
    } else if (!entry.mtime) {
        finish(550, "No host knows the time of " + absolute(name_) + ".");
    } else {
        finish(213, time_value(*entry.mtime));
    }
}

void Session::do_mlst(std::string_view path) {
    take(path);
    lookup(name_, &Session::say_facts, nullptr);
}

void Session::say_facts(const Entry& entry) {
    const std::string shown = absolute(name_);
    const std::string line = format_entry(entry, name_, shown, style(ListingStyle::Format::facts));
    asking_ = false;
    host_.send(reply(250, "Listing " + shown, {line}, "End."));
    run_waiting();
}

void Session::do_hash(std::string_view path) {
    take(path);
    typed_ = path;
    lookup(name_, &Session::say_hash, nullptr, Where::hashed);
}

void Session::say_hash(const Entry& entry) {
    if (entry.folder) {
        finish(550, absolute(name_) + " is not a file.");
        return;
    }
    offset_ = entry.size;
    if (root_hash_) {
        handle_hash(entry.root);
    } else {
        host_.hash(name_);
    }
}

// draft-bryan-ftpext-hash-02.
void Session::handle_hash(const Result<std::string>& hash) {
    if (!hash && hash.error().kind == ErrorKind::not_found) {
        finish(
            450,
            "Only the root is known of what is not wholly here: OPTS HASH BEP52, or RETR first.");
        return;
    }
    if (!hash) {
        refuse(hash.error());
        return;
    }
    finish(213, std::string(root_hash_ ? "BEP52" : "SHA-256") + " 0-" + std::to_string(offset_) +
                    " " + *hash + " " + typed_);
}

// Changes -----------------------------------------------------------------------------------------

// Something new at `path`: `existing` if that name is taken, `make` if only its folder exists. What
// this host has decides, `where` it need not know what others have: nobody is waited for.
void Session::create(std::string_view path, Where where, Then existing, Then make) {
    take(path);
    if (!text::is_utf8(name_)) {
        say(553, "Names are UTF-8 here, and '" + name_ + "' is not.");
        return;
    }
    if (!plain(name_)) {
        say(553, "Names with control characters or backslashes are not made.");
        return;
    }
    make_ = make;
    lookup(name_, existing, &Session::create_missing, where);
}

void Session::create_missing(const Error& error) {
    if (error.kind == ErrorKind::bad_input) {
        finish(553, error.message);
    } else if (error.kind != ErrorKind::not_found) {
        refuse(error);
    } else {
        lookup(std::string(parent_of(name_)), &Session::create_under, &Session::find_parent,
               Where::here);
    }
}

// A folder of others will do: it is made here, too.
void Session::find_parent(const Error& error) {
    if (error.kind == ErrorKind::not_found) {
        lookup(std::string(parent_of(name_)), &Session::create_under, nullptr);
    } else {
        refuse(error);
    }
}

void Session::create_under(const Entry& parent) {
    if (parent.folder) {
        (this->*make_)(parent);
    } else {
        finish(550, absolute(parent_of(name_)) + " is not a directory.");
    }
}

void Session::refuse_existing(const Entry&) { finish(550, absolute(name_) + " exists."); }

void Session::change(Change change) {
    change_ = change.kind;
    asking_ = true;
    changing_ = true;
    host_.change(std::move(change));
}

void Session::handle_changed(const Status& status) {
    if (!status) {
        refuse(status.error());
        return;
    }
    switch (change_) {
        case Change::Kind::make_folder:
            asking_ = changing_ = false;
            host_.send("257 " + quoted(name_) + " directory created.\r\n");
            run_waiting();
            break;
        case Change::Kind::set_mtime:
            finish(213, "Modify=" + typed_ + "; " + absolute(name_));
            break;
        case Change::Kind::remove:
            finish(250, "File removed.");
            break;
        case Change::Kind::remove_folder:
            finish(250, "Directory removed.");
            break;
        case Change::Kind::rename:
            finish(250, "Renamed.");
            break;
    }
}

void Session::do_mkd(std::string_view path) {
    if (may_write()) {
        create(path, Where::here, &Session::refuse_existing, &Session::make_folder);
    }
}

void Session::make_folder(const Entry&) { change({Change::Kind::make_folder, name_}); }

void Session::do_rmd(std::string_view path) {
    if (!may_write()) {
        return;
    }
    take(path);
    if (name_.empty()) {
        say(550, "Can't remove root directory.");
    } else {
        change({Change::Kind::remove_folder, name_});
    }
}

void Session::do_dele(std::string_view path) {
    if (may_write()) {
        take(path);
        change({Change::Kind::remove, name_});
    }
}

void Session::do_mfmt(std::string_view argument) {
    if (!may_write()) {
        return;
    }
    const std::size_t space = argument.find(' ');
    if (space == argument.npos || space + 1 == argument.size()) {
        say(501, "Syntax error: MFMT takes a time and a path.");
        return;
    }
    typed_ = argument.substr(0, space);
    const auto seconds = parse_time_value(typed_);
    if (!seconds) {
        say(501, "Invalid time format; expected YYYYMMDDHHMMSS.");
        return;
    }
    take(argument.substr(space + 1));
    change({Change::Kind::set_mtime, name_, {}, *seconds});
}

void Session::do_rnfr(std::string_view path) {
    if (!may_write()) {
        return;
    }
    take(path);
    if (name_.empty()) {
        say(550, "Can't rename home directory.");
    } else {
        lookup(name_, &Session::note_rename, nullptr);
    }
}

void Session::note_rename(const Entry&) {
    from_ = name_;
    renaming_ = true;
    finish(350, "Ready for destination name.");
}

void Session::do_rnto(std::string_view path) {
    if (!std::exchange(renaming_, false)) {
        say(503, "Bad sequence of commands: use RNFR first.");
    } else if (may_write()) {
        create(path, Where::here, &Session::rename_over, &Session::rename_into);
    }
}

void Session::rename_over(const Entry& entry) {
    if (entry.folder && name_ != from_) {
        refuse_existing(entry);
    } else {
        rename_into(entry);
    }
}

void Session::rename_into(const Entry&) { change({Change::Kind::rename, from_, name_}); }

}  // namespace shoal::gateway::ftp
