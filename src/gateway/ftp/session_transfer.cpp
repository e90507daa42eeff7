// Transfers: RETR, STOR, STOU, APPE, the listings, REST and ABOR, and the replies around them.
#include <algorithm>
#include <utility>

#include "gateway/ftp/glob.hpp"
#include "gateway/ftp/path.hpp"
#include "gateway/ftp/reply.hpp"
#include "gateway/ftp/session.hpp"
#include "shoal/base/limits.hpp"
#include "shoal/base/text.hpp"

namespace shoal::gateway::ftp {

using Format = ListingStyle::Format;

bool Session::has_data() {
    if (data_ == Data::none) {
        say(425, "Use PASV, EPSV, PORT or EPRT first.");
    }
    return data_ != Data::none;
}

void Session::do_rest(std::string_view argument) {
    const auto offset = text::parse_number(argument, 0, INT64_MAX);
    if (ascii_ && offset != 0U) {
        say(501, "Restarting is not allowed in ASCII mode.");
    } else if (!offset) {
        say(501, "Invalid parameter.");
    } else {
        restart_ = *offset;
        say(350, "Restarting at position " + std::to_string(restart_) + ".");
    }
}

void Session::begin(Transfer kind, const std::string& text) {
    asking_ = false;
    transferring_ = true;
    transfer_waits_ = data_ == Data::none;
    kind_ = kind;
    say(data_ == Data::ready ? 125 : 150, text);
    host_.start_transfer(ascii_ && kind != Transfer::list);
}

void Session::handle_transfer_end(const TransferEnd& end) {
    transferring_ = false;
    finishing_ = false;
    data_ = Data::none;
    switch (end.kind) {
        case TransferEnd::Kind::complete:
            say(226, "Transfer complete.");
            break;
        case TransferEnd::Kind::no_connection:
            say(425, "Can't open data connection.");
            break;
        case TransferEnd::Kind::broken:
            say(426, "Connection closed; transfer aborted.");
            break;
        case TransferEnd::Kind::failed:
            say(code_of(end.error.kind), end.error.message);
            break;
    }
    if (quitting_) {
        host_.close();
    } else if (!asking_) {
        run_waiting();
    }
}

void Session::do_abor(std::string_view) {
    if (transferring_) {
        if (!host_.abort_transfer()) {  // as good as done: its own reply comes first
            finishing_ = true;
            waiting_.emplace_front("ABOR");
            return;
        }
        transferring_ = false;
        data_ = Data::none;
        say(426, "Transfer aborted via ABOR.");
        finish(226, "ABOR command successful.");
    } else if (asking_) {
        host_.drop_questions();
        const bool connecting = data_ == Data::connecting;
        end_data();
        say(connecting ? 425 : 426, "Aborted via ABOR.");
        finish(226, "ABOR command successful.");
    } else if (data_ != Data::none) {
        end_data();
        say(225, "ABOR command successful; data channel closed.");
    } else {
        say(225, "No transfer to abort.");
    }
}

// Reading -----------------------------------------------------------------------------------------

void Session::do_retr(std::string_view path) {
    offset_ = std::exchange(restart_, 0);
    if (has_data()) {
        take(path);
        asking_ = true;
        host_.open_file(name_, offset_);
    }
}

void Session::handle_opened(const Result<Entry>& entry) {
    if (!entry) {
        // A bad offset is told apart from a bad name by there being one.
        const bool offset = offset_ > 0 && entry.error().kind == ErrorKind::bad_input;
        finish(offset ? 554 : code_of(entry.error().kind), entry.error().message);
    } else if (offset_ > entry->size) {
        host_.drop_questions();
        finish(554,
               "Invalid REST parameter: the file has " + std::to_string(entry->size) + " bytes.");
    } else {
        // What line ends will add is not known, so only a binary size is told.
        const std::string size =
            ascii_ ? "." : " (" + std::to_string(entry->size - offset_) + " bytes).";
        begin(Transfer::retrieve, "Opening " + std::string(ascii_ ? "ASCII" : "BINARY") +
                                      " mode data connection for " + absolute(name_) + size);
    }
}

// Writing -----------------------------------------------------------------------------------------

void Session::do_stor(std::string_view path) { store(path, std::exchange(restart_, 0), false); }

void Session::do_appe(std::string_view path) {
    if (std::exchange(restart_, 0) != 0) {
        say(450, "Can't APPE while REST request is pending.");
    } else {
        store(path, UINT64_MAX, false);
    }
}

void Session::do_stou(std::string_view path) {
    if (std::exchange(restart_, 0) != 0) {
        say(450, "Can't STOU while REST request is pending.");
        return;
    }
    store(std::string(path.empty() ? "upload" : path) + "." + host_.unique_suffix(), 0, true);
}

// A STOU may begin without a data connection: its name is told first, and a PORT or PASV may follow
// that reply.
void Session::store(std::string_view path, std::uint64_t keep, bool unique) {
    if (may_write() && (unique || has_data())) {
        offset_ = keep;
        unique_ = unique;
        // To go on with a content one must know which.
        create(path, keep == 0 ? Where::here : Where::tree, &Session::store_over,
               &Session::store_into);
    }
}

void Session::store_over(const Entry& entry) {
    if (entry.folder) {
        finish(550, absolute(name_) + " is a directory.");
    } else if (unique_) {
        finish(450, "That name was taken just now, try again.");
    } else if (offset_ != 0 && !entry.shared) {
        finish(550, absolute(name_) + " is not this host's: it can be replaced, not continued.");
    } else if (offset_ != UINT64_MAX && offset_ > entry.size) {
        finish(554,
               "Invalid REST parameter: the file has " + std::to_string(entry.size) + " bytes.");
    } else {
        host_.open_upload({name_, offset_, unique_});
    }
}

void Session::store_into(const Entry&) {
    if (offset_ != 0 && offset_ != UINT64_MAX) {
        finish(554, "Invalid REST parameter: there is no " + absolute(name_) + ".");
    } else {
        host_.open_upload({name_, offset_, unique_});
    }
}

void Session::handle_stored(const Status& opened) {
    if (!opened) {
        finish(opened.error().kind == ErrorKind::bad_input ? 553 : code_of(opened.error().kind),
               opened.error().message);
    } else {
        begin(Transfer::store, unique_ ? "FILE: " + std::string(last_of(name_))
                                       : "Ok to send data for " + absolute(name_) + ".");
    }
}

// Listings ----------------------------------------------------------------------------------------

namespace {

// "-la dir": old clients send options, which mean nothing here.
std::string_view without_options(std::string_view argument) {
    while (argument.starts_with('-')) {
        const std::size_t space = std::min(argument.find(' '), argument.size());
        argument.remove_prefix(space);
        argument.remove_prefix(std::min(argument.find_first_not_of(' '), argument.size()));
    }
    return argument;
}

}  // namespace

void Session::do_list(std::string_view argument) {
    start_list(without_options(argument), Format::lines);
}

void Session::do_nlst(std::string_view argument) {
    start_list(without_options(argument), Format::names);
}

void Session::do_mlsd(std::string_view path) { start_list(path, Format::facts); }

void Session::do_stat(std::string_view argument) {
    if (argument.empty()) {
        say_status();
        return;
    }
    if (!logged_in()) {
        say(530, "Log in with USER and PASS first.");
        return;
    }
    take(without_options(argument));
    typed_ = without_options(argument);
    format_ = Format::lines;
    to_status_ = true;
    lookup(name_, &Session::list_entry, &Session::list_pattern);
}

void Session::start_list(std::string_view path, Format format) {
    restart_ = 0;
    if (has_data()) {
        take(path);
        typed_ = path;
        format_ = format;
        to_status_ = false;
        lookup(name_, &Session::list_entry, &Session::list_pattern);
    }
}

void Session::list_entry(const Entry& entry) {
    pattern_.clear();
    if (entry.folder) {
        host_.browse(name_);
    } else if (format_ == Format::facts) {
        finish(501, absolute(name_) + " is not a directory.");
    } else {
        const std::string shown = format_ == Format::names ? typed_ : std::string(last_of(name_));
        show(Listing(entry, style(format_), std::string(parent_of(name_)), shown));
    }
}

void Session::list_pattern(const Error& error) {
    pattern_ = last_of(name_);
    if (error.kind != ErrorKind::not_found || !has_wildcard(pattern_) ||
        pattern_.size() > limits::path_component_max || format_ == Format::facts) {
        refuse(error);
    } else if (to_status_) {
        finish(550, "Globbing not supported.");
    } else {
        typed_.erase(typed_.size() - std::min(typed_.size(), pattern_.size()));
        name_.erase(parent_of(name_).size());
        host_.browse(name_);
    }
}

void Session::handle_view(Result<peer::FolderViewPtr> view) {
    if (!view) {
        refuse(view.error());
        return;
    }
    if (!(*view)->complete) {
        finish(450,
               "Not all of " + absolute(name_) + " can be listed now: " + (*view)->doubts + ".");
        return;
    }
    if ((*view)->truncated) {
        finish(451, absolute(name_) + " has more names than can be listed.");
        return;
    }
    // NLST's names can be sent back as they are (RFC 1123, 4.1.2.7).
    std::string prefix = name_ == cwd_ ? "" : typed_;
    if (!prefix.empty() && !prefix.ends_with('/')) {
        prefix += '/';
    }
    Listing listing(std::move(*view), style(format_), std::move(prefix), pattern_);
    if (!pattern_.empty() && listing.empty()) {
        finish(550, "Nothing is called so: " + pattern_);
    } else {
        show(std::move(listing));
    }
}

void Session::show(Listing listing) {
    if (to_status_) {
        asking_ = false;
        status_ = std::make_unique<Listing>(std::move(listing));
        host_.send("213-Status of " + quoted(name_) + ":\r\n");
        handle_sent();
    } else {
        host_.open_listing(std::move(listing));
        begin(Transfer::list, "Here comes the listing.");
    }
}

}  // namespace shoal::gateway::ftp
