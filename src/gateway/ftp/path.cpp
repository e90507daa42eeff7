#include "gateway/ftp/path.hpp"

#include <cstdint>
#include <optional>
#include <vector>

#include "shoal/base/text.hpp"

namespace shoal::gateway::ftp {
namespace {

void append_utf8(std::string& out, std::uint32_t point) {
    const auto tail = [&](unsigned shift) {
        out.push_back(static_cast<char>(0x80U | ((point >> shift) & 0x3fU)));
    };
    if (point < 0x80) {
        out.push_back(static_cast<char>(point));
    } else if (point < 0x800) {
        out.push_back(static_cast<char>(0xc0U | (point >> 6U)));
        tail(0);
    } else {
        out.push_back(static_cast<char>(0xe0U | (point >> 12U)));
        tail(6);
        tail(0);
    }
}

struct Escape {
    std::uint32_t value{};
    std::size_t length{};  // of its text
    bool byte{};           // "\xNN", not "\u{NNNN}"
};

std::optional<Escape> escape_at(std::string_view text) {
    const bool byte = text.starts_with("\\x");
    const std::size_t begin = byte ? 2 : 3;
    const std::size_t end = byte ? 4 : text.find('}');
    if ((!byte && !text.starts_with("\\u{")) || end == text.npos || end > text.size() || end > 8) {
        return std::nullopt;
    }
    std::string digits(text.substr(begin, end - begin));
    digits.insert(0, digits.size() % 2, '0');
    const auto bytes = text::unhex(digits);
    if (!bytes || bytes->empty() || bytes->size() > 2) {
        return std::nullopt;
    }
    std::uint32_t value = 0;
    for (const std::uint8_t part : *bytes) {
        value = value << 8U | part;
    }
    return Escape{value, byte ? end : end + 1, byte};
}

// What was shown as `shown`; `shown` itself when nothing is shown so.
std::string unescape(std::string_view shown) {
    std::string raw;
    for (std::size_t at = 0; at < shown.size();) {
        const auto escape = shown[at] == '\\' ? escape_at(shown.substr(at)) : std::nullopt;
        if (!escape) {
            raw.push_back(shown[at++]);
        } else {
            if (escape->byte) {
                raw.push_back(static_cast<char>(escape->value));
            } else {
                append_utf8(raw, escape->value);
            }
            at += escape->length;
        }
    }
    return text::escape(raw) == shown ? raw : std::string(shown);
}

}  // namespace

std::string resolve(std::string_view folder, std::string_view path) {
    std::string name(path.starts_with('/') ? std::string_view{} : folder);
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const std::string_view part = path.substr(begin, end - begin);
        begin = end + 1;
        if (part == "..") {
            name.resize(parent_of(name).size());
        } else if (!part.empty() && part != ".") {
            name += name.empty() ? "" : "/";
            name += part.find('\\') == part.npos ? std::string(part) : unescape(part);
        }
    }
    return name;
}

std::string absolute(std::string_view name) { return "/" + std::string(name); }

std::string quoted(std::string_view name) {
    std::string out = "\"";
    for (const char sign : text::escape(absolute(name))) {
        out.append(sign == '"' ? 2 : 1, sign);
    }
    return out + "\"";
}

std::string_view parent_of(std::string_view name) {
    const std::size_t slash = name.rfind('/');
    return slash == name.npos ? std::string_view{} : name.substr(0, slash);
}

std::string_view last_of(std::string_view name) {
    return name.substr(name.rfind('/') + 1);  // npos + 1 is 0
}

bool plain(std::string_view name) { return text::escape(name) == name; }

}  // namespace shoal::gateway::ftp
