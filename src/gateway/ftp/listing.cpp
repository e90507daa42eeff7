#include "gateway/ftp/listing.hpp"

#include <array>
#include <cstdio>
#include <utility>

#include "gateway/ftp/clock_text.hpp"
#include "gateway/ftp/glob.hpp"
#include "shoal/base/text.hpp"

namespace shoal::gateway::ftp {
namespace {

using peer::TreeEntry;

constexpr std::array<std::string_view, 8> fact_names{"type",   "perm",      "size",     "modify",
                                                     "unique", "unix.mode", "unix.uid", "unix.gid"};

bool writable(const TreeEntry& entry, const ListingStyle& style) {
    return style.may_write && (entry.shared || entry.folder);
}

// RFC 3659, 7.5.5.
std::string permissions(const TreeEntry& entry, const ListingStyle& style) {
    const bool may = writable(entry, style);
    if (entry.folder) {
        return may ? "elcmpdf" : "el";
    }
    return may ? "radfw" : "r";
}

std::string_view mode_digits(const TreeEntry& entry, const ListingStyle& style) {
    const bool may = writable(entry, style);
    if (entry.folder) {
        return may ? "0755" : "0555";
    }
    return may ? "0644" : "0444";
}

std::string_view mode_letters(const TreeEntry& entry, const ListingStyle& style) {
    const bool may = writable(entry, style);
    if (entry.folder) {
        return may ? "drwxr-xr-x" : "dr-xr-xr-x";
    }
    return may ? "-rw-r--r--" : "-r--r--r--";
}

// FNV-1a of the whole path: what is called so in the tree.
std::string unique_id(std::string_view path) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char sign : path) {
        hash = (hash ^ static_cast<std::uint8_t>(sign)) * 0x100000001b3ULL;
    }
    std::array<char, 20> digits{};
    std::snprintf(digits.data(), digits.size(), "%016llx", static_cast<unsigned long long>(hash));
    return digits.data();
}

std::string fact_value(Fact fact, const TreeEntry& entry, std::string_view path,
                       const ListingStyle& style) {
    switch (fact) {
        case Fact::type:
            return entry.folder ? "dir" : "file";
        case Fact::perm:
            return permissions(entry, style);
        case Fact::size:
            return std::to_string(entry.size);
        case Fact::modify:
            return time_value(entry.mtime.value_or(0));
        case Fact::unique:
            return unique_id(path);
        case Fact::mode:
            return std::string(mode_digits(entry, style));
        case Fact::uid:
        case Fact::gid:
            return "0";  // the swarm knows no owners
    }
    return {};
}

std::string facts_line(const TreeEntry& entry, std::string_view path, std::string_view name,
                       const ListingStyle& style) {
    std::string line;
    for (std::size_t i = 0; i < fact_names.size(); ++i) {
        const bool known = static_cast<Fact>(i) != Fact::modify || entry.mtime;
        if (known && ((style.facts >> i) & 1U) != 0) {
            line += fact_names[i];
            line += "=" + fact_value(static_cast<Fact>(i), entry, path, style) + ";";
        }
    }
    return line + " " + text::escape(name);
}

std::string list_line(const TreeEntry& entry, std::string_view name, const ListingStyle& style) {
    // The form has room for no "unknown": what has no time is always as old as can be.
    const std::string date = list_date(entry.mtime.value_or(0), style.now);
    std::array<char, 128> head{};
    std::snprintf(head.data(), head.size(), "%.*s %3u shoal    shoal    %12llu %s ",
                  static_cast<int>(mode_letters(entry, style).size()),
                  mode_letters(entry, style).data(), entry.folder ? 2U : 1U,
                  static_cast<unsigned long long>(entry.size), date.c_str());
    return head.data() + text::escape(name);
}

}  // namespace

std::string_view fact_name(Fact fact) { return fact_names[static_cast<std::size_t>(fact)]; }

std::string format_entry(const TreeEntry& entry, std::string_view path, std::string_view shown_as,
                         const ListingStyle& style) {
    switch (style.format) {
        case ListingStyle::Format::lines:
            return list_line(entry, shown_as, style);
        case ListingStyle::Format::facts:
            return facts_line(entry, path, shown_as, style);
        case ListingStyle::Format::names:
            break;
    }
    return text::escape(shown_as);
}

Listing::Listing(peer::FolderViewPtr view, ListingStyle style, std::string prefix,
                 std::string pattern)
    : view_(std::move(view)),
      style_(style),
      prefix_(std::move(prefix)),
      pattern_(std::move(pattern)) {}

Listing::Listing(TreeEntry entry, ListingStyle style, std::string folder, std::string shown_as)
    : style_(style), prefix_(std::move(shown_as)), single_(true) {
    auto view = std::make_shared<peer::FolderView>();
    view->folder = std::move(folder);
    view->entries.push_back(std::move(entry));
    view_ = std::move(view);
}

std::string Listing::shown_as(const TreeEntry& entry) const {
    if (single_) {
        return prefix_;
    }
    return style_.format == ListingStyle::Format::names ? prefix_ + entry.name : entry.name;
}

void Listing::fill(std::string& out, std::size_t enough) {
    const std::string above = view_->folder.empty() ? "" : view_->folder + "/";
    for (skip_to_match(); !done() && out.size() < enough; skip_to_match()) {
        const TreeEntry& entry = view_->entries[next_++];
        out += format_entry(entry, above + entry.name, shown_as(entry), style_) + "\r\n";
    }
}

bool Listing::empty() {
    skip_to_match();
    return done();
}

void Listing::skip_to_match() {
    while (!pattern_.empty() && !done() && !glob_matches(pattern_, view_->entries[next_].name)) {
        ++next_;
    }
}

}  // namespace shoal::gateway::ftp
