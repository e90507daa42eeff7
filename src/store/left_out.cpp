#include "left_out.hpp"

#include <sys/stat.h>

#include <array>
#include <iterator>
#include <utility>

#include "shoal/base/limits.hpp"
#include "shoal/base/text.hpp"
#include "shoal/store/safe_path.hpp"

namespace shoal::store {
namespace {

constexpr std::size_t names_shown = 3;  // of each kind
constexpr Duration news_every{60s};

struct Words {
    const char* one;
    const char* many;
};
constexpr std::array<Words, 6> words{{
    {"symbolic link", "symbolic links"},
    {"special file", "special files"},
    {"name with a backslash", "names with a backslash"},
    {"name that is not UTF-8", "names that are not UTF-8"},
    {"path of more than 400 bytes", "paths of more than 400 bytes"},
    {"bad name", "bad names"},
}};

}  // namespace

std::optional<LeftOut::Reason> LeftOut::reason_of(const Place& place, std::string_view name) {
    const std::string path = place.prefix + std::string(name);
    if (name.starts_with('.') || SafePath::parse(path)) {
        return std::nullopt;
    }
    if (path.size() > limits::path_max) {
        return Reason::too_long;
    }
    if (name.find('\\') != name.npos) {
        return Reason::backslash;
    }
    return text::is_utf8(name) ? Reason::other_name : Reason::not_utf8;
}

std::optional<LeftOut::Reason> LeftOut::reason_of(mode_t mode) {
    if (S_ISREG(mode) || S_ISDIR(mode)) {
        return std::nullopt;
    }
    return S_ISLNK(mode) ? Reason::link : Reason::special;
}

void LeftOut::add(const Place& place, std::string_view name, Reason reason) {
    const auto [known, is_new] =
        all_.try_emplace({place.where, place.prefix + std::string(name)}, Entry{});
    Entry& entry = known->second;
    changes_ += is_new || entry.reason != reason ? 1 : 0;
    entry.reason = reason;
    entry.met = true;
    unsaid_ += entry.said ? 0 : 1;
}

void LeftOut::remove(const Place& place, std::string_view name) {
    if (!all_.empty()) {
        changes_ += all_.erase({place.where, place.prefix + std::string(name)});
    }
}

// `visit` is given an iterator and returns the next one.
template <typename Visit>
void LeftOut::for_each_in(const Place& place, bool directly, Visit visit) {
    for (auto at = all_.lower_bound({place.where, place.prefix});
         at != all_.end() && at->first.where == place.where &&
         at->first.path.starts_with(place.prefix);) {
        const bool deeper = at->first.path.find('/', place.prefix.size()) != std::string::npos;
        at = directly && deeper ? std::next(at) : visit(at);
    }
}

void LeftOut::begin_folder(const Place& place) {
    for_each_in(place, true, [](Entries::iterator at) {
        at->second.met = false;
        return std::next(at);
    });
}

void LeftOut::end_folder(const Place& place) {
    for_each_in(place, true, [this](Entries::iterator at) {
        changes_ += at->second.met ? 0 : 1;
        return at->second.met ? std::next(at) : all_.erase(at);
    });
}

void LeftOut::remove_below(const Place& place) {
    for_each_in(place, false, [this](Entries::iterator at) {
        ++changes_;
        return all_.erase(at);
    });
}

std::string LeftOut::summary_of(const std::vector<Entries::const_iterator>& entries) {
    std::string text = std::to_string(entries.size()) + ":";
    bool first_kind = true;
    for (std::size_t kind = 0; kind < words.size(); ++kind) {
        std::size_t count = 0;
        std::string names;
        for (const auto& at : entries) {
            if (static_cast<std::size_t>(at->second.reason) == kind && ++count <= names_shown) {
                names += (names.empty() ? "'" : ", '") + text::escape(at->first.path) + "'";
            }
        }
        if (count > 0) {
            text += (first_kind ? " " : ", ") + std::to_string(count) + ' ' +
                    (count == 1 ? words[kind].one : words[kind].many) + " (" + names +
                    (count > names_shown ? ", ...)" : ")");
            first_kind = false;
        }
    }
    return text;
}

std::string LeftOut::summary() const {
    std::vector<Entries::const_iterator> entries;
    for (auto at = all_.begin(); at != all_.end(); ++at) {
        entries.push_back(at);
    }
    return entries.empty() ? std::string() : summary_of(entries);
}

std::optional<std::string> LeftOut::news(TimePoint now) {
    if (unsaid_ == 0 || (said_at_ && now < *said_at_ + news_every)) {
        return std::nullopt;
    }
    unsaid_ = 0;
    std::vector<Entries::const_iterator> entries;
    for (auto at = all_.begin(); at != all_.end(); ++at) {
        if (!std::exchange(at->second.said, true)) {
            entries.push_back(at);
        }
    }
    if (entries.empty()) {
        return std::nullopt;  // gone before it was said
    }
    said_at_ = now;
    return summary_of(entries);
}

}  // namespace shoal::store
