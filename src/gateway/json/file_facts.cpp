// What requests and replies say of files: hashes, meta data, which endings are let through.
#include <algorithm>

#include "gateway/json/jobs.hpp"
#include "shoal/base/text.hpp"

namespace shoal::gateway::json {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
    std::string small(text);
    std::transform(small.begin(), small.end(), small.begin(), [](char c) { return lower(c); });
    return small;
}

Error bad(std::string message) { return {ErrorKind::bad_input, std::move(message)}; }

// Digits of a second's fraction may stand behind it, as some languages write times; they do not
// count.
std::optional<std::int64_t> parse_seconds(std::string_view word) {
    const std::size_t point = word.find('.');
    const bool fraction = point != word.npos;
    if (fraction && word.find_first_not_of("0123456789", point + 1) != word.npos) {
        return std::nullopt;
    }
    const bool before = word.starts_with('-');
    const auto whole = text::parse_number(
        word.substr(before ? 1 : 0, fraction ? point - (before ? 1 : 0) : word.npos), 0,
        1ULL << 40U);
    if (!whole) {
        return std::nullopt;
    }
    const auto seconds = static_cast<std::int64_t>(*whole);
    return before ? -seconds : seconds;
}

}  // namespace

bool Rights::allows(std::string_view name) const {
    const std::string small = lower(name);
    return std::any_of(endings.begin(), endings.end(), [&](const std::string& ending) {
        return ending == "*" || small.ends_with(lower(ending));
    });
}

std::optional<std::string> KnownHashes::find(const std::string& root) const {
    return hashes_.with([&](const auto& hashes) -> std::optional<std::string> {
        const auto found = hashes.find(root);
        return found == hashes.end() ? std::nullopt : std::optional(found->second);
    });
}

void KnownHashes::put(const std::string& root, const std::string& sha256) {
    constexpr std::size_t known_max = 10'000;
    hashes_.with([&](auto& hashes) {
        if (hashes.size() >= known_max) {
            hashes.clear();
        }
        hashes[root] = sha256;
    });
}

std::string meta_data_of(const peer::TreeEntry& entry) {
    std::string list = "[\"size=" + std::to_string(entry.size) + "\"";
    if (entry.mtime) {
        list += ",\"mtime=" + std::to_string(*entry.mtime) + "\"";
    }
    return list + ",\"root=" + entry.root + "\"]";
}

Result<MetaData> parse_meta_data(const std::vector<std::string>& entries) {
    MetaData data;
    for (const std::string& entry : entries) {
        const std::size_t sign = entry.find('=');
        if (sign == entry.npos) {
            return bad("'meta_data' holds '" + text::escape(entry) + "', which is not name=value");
        }
        const std::string_view name = std::string_view(entry).substr(0, sign);
        const std::string_view value = std::string_view(entry).substr(sign + 1);
        if (name == "size") {
            data.size = text::parse_number(value, 0, limits::file_size_max);
        } else if (name == "mtime") {
            data.mtime = parse_seconds(value);
        }
        if ((name == "size" && !data.size) || (name == "mtime" && !data.mtime)) {
            return bad("'meta_data': '" + text::escape(entry) + "' is not a number in range");
        }
    }
    return data;
}

Result<WantedHash> parse_hash(const std::string& text) {
    WantedHash wanted{lower(text)};
    for (const auto& [prefix, root] : {std::pair("root:", true), std::pair("sha256:", false)}) {
        if (wanted.digits.starts_with(prefix)) {
            wanted.digits.erase(0, std::string_view(prefix).size());
            wanted.maybe_root = root;
            wanted.maybe_sha256 = !root;
            break;
        }
    }
    const auto bytes = text::unhex(wanted.digits);
    if (!bytes || bytes->size() != 32) {
        return bad("'hash' is no root and no SHA-256: 64 hex digits are wanted");
    }
    return wanted;
}

}  // namespace shoal::gateway::json
