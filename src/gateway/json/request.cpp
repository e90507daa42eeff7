// The only file of the gateway that knows cereal; its exceptions end here. It is shown nothing
// that check_json() has not passed: so there are no two equal keys, no NUL, no depth.
#include "gateway/json/request.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <variant>

// No field has a fraction: the parser needs not find the nearest double, which it does with
// undefined behaviour for some long numbers (18446744073709551615551615 is one). The longer name is
// that of the parser that cereal brings along itself.
#define RAPIDJSON_PARSE_DEFAULT_FLAGS kParseNoFlags
#define CEREAL_RAPIDJSON_PARSE_DEFAULT_FLAGS kParseNoFlags
#include <cereal/archives/json.hpp>

#include "gateway/json/client.hpp"
#include "gateway/json/json_check.hpp"
#include "shoal/base/limits.hpp"
#include "shoal/base/text.hpp"

namespace shoal::gateway::json {
namespace {

using Archive = cereal::JSONInputArchive;
using Range = std::pair<std::uint64_t, std::uint64_t>;
using Place = std::variant<std::optional<std::string> Body::*, std::optional<bool> Body::*,
                           std::optional<std::uint64_t> Body::*, std::optional<Range> Body::*,
                           std::optional<std::vector<std::string>> Body::*>;

constexpr std::size_t id_text_max = 128;
constexpr std::size_t entries_max = 64;

struct FieldRow {
    Field field;
    std::string_view name;
    Place place;
};

constexpr std::array<FieldRow, 19> field_rows{{
    {Field::rel_endpoint, "rel_endpoint", &Body::rel_endpoint},
    {Field::hash, "hash", &Body::hash},
    {Field::content, "content", &Body::content},
    {Field::folder, "folder", &Body::folder},
    {Field::after, "after", &Body::after},
    {Field::name, "name", &Body::name},
    {Field::match, "match", &Body::match},
    {Field::extensions, "extensions", &Body::extensions},
    {Field::meta_data, "meta_data", &Body::meta_data},
    {Field::hosts, "hosts", &Body::hosts},
    {Field::range, "range", &Body::range},
    {Field::limit, "limit", &Body::limit},
    {Field::size, "size", &Body::size},
    {Field::size_min, "size_min", &Body::size_min},
    {Field::size_max, "size_max", &Body::size_max},
    {Field::ttl, "ttl", &Body::ttl},
    {Field::timeout, "timeout", &Body::timeout},
    {Field::wait, "wait", &Body::wait},
    {Field::in_line, "inline", &Body::in_line},
}};

// Says what is wrong; caught below, with what cereal throws.
struct Wrong {
    std::string why;
};

void load(Archive& archive, std::string& value) { archive.loadValue(value); }
void load(Archive& archive, bool& value) { archive.loadValue(value); }
void load(Archive& archive, std::uint64_t& value) { archive.loadValue(value); }

std::size_t begin_list(Archive& archive) {
    archive.startNode();
    if (archive.getNodeName() != nullptr) {
        throw Wrong{"an array is wanted"};
    }
    cereal::size_type size = 0;
    archive.loadSize(size);
    return static_cast<std::size_t>(size);
}

void load(Archive& archive, Range& value) {
    if (begin_list(archive) != 2) {
        throw Wrong{"two numbers are wanted: offset and length"};
    }
    archive.loadValue(value.first);
    archive.loadValue(value.second);
    archive.finishNode();
}

void load(Archive& archive, std::vector<std::string>& value) {
    const std::size_t size = begin_list(archive);
    if (size > entries_max) {
        throw Wrong{"too many entries"};
    }
    value.resize(size);
    for (std::string& entry : value) {
        archive.loadValue(entry);
    }
    archive.finishNode();
}

// Runs `step`; whatever it throws becomes the fault of the field `name`.
template <typename Step>
void named(std::string_view name, Step&& step) {
    try {
        step();
    } catch (const Wrong& wrong) {
        throw Wrong{"'" + text::escape(name) + "': " + wrong.why};
    } catch (const cereal::Exception&) {
        throw Wrong{"'" + text::escape(name) + "' is of the wrong type"};
    }
}

// An array would go through as an object without members: of its length nothing else asks.
void refuse_array(Archive& archive) {
    cereal::size_type size = 0;
    try {
        archive.loadSize(size);
    } catch (const cereal::Exception&) {
        return;
    }
    throw Wrong{"an object is wanted"};
}

void load_body(Archive& archive, Request& request) {
    archive.startNode();
    if (archive.getNodeName() == nullptr) {
        refuse_array(archive);
    }
    while (const char* name = archive.getNodeName()) {
        const auto row = std::find_if(field_rows.begin(), field_rows.end(),
                                      [&](const FieldRow& one) { return one.name == name; });
        if (row == field_rows.end()) {
            throw Wrong{"'body' has an unknown field '" + text::escape(name) + "'"};
        }
        named(row->name, [&] {
            std::visit([&](auto place) { load(archive, (request.body.*place).emplace()); },
                       row->place);
        });
        request.fields |= bit(row->field);
    }
    archive.finishNode();
}

// A number or a short text; kept as JSON.
std::string load_id(Archive& archive) {
    std::uint64_t number = 0;
    try {
        archive.loadValue(number);
        return std::to_string(number);
    } catch (const cereal::RapidJSONException&) {  // it is there, and no number
        std::string word;
        archive.loadValue(word);
        if (word.size() > id_text_max) {
            throw Wrong{"at most 128 bytes"};
        }
        std::string quoted;
        append_json_text(quoted, word);
        return quoted;
    }
}

// How much follows stands by itself, whatever else is wrong: it is looked for first.
void load_content_length(std::string_view line, Decoded& decoded) {
    if (line.find("content_length") == line.npos && line.find('\\') == line.npos) {
        return;
    }
    std::istringstream stream{std::string(line)};
    Archive archive(stream);
    Request& request = decoded.request;
    try {
        archive.setNextName("content_length");
        archive.loadValue(request.content_length);
        request.has_content = true;
    } catch (const cereal::RapidJSONException&) {
        decoded.length_known = false;
        throw Wrong{"'content_length' is no whole number"};
    } catch (const cereal::Exception&) {
        return;  // there is none
    }
    if (request.content_length > limits::file_size_max) {
        decoded.length_known = false;
        throw Wrong{"'content_length' is over 1 TiB"};
    }
}

void load_members(std::string_view line, Request& request) {
    std::istringstream stream{std::string(line)};
    Archive archive(stream);
    while (const char* raw = archive.getNodeName()) {
        const std::string_view name = raw;
        if (name == "request_type") {
            named(name, [&] { archive.loadValue(request.type); });
        } else if (name == "body") {
            named(name, [&] { load_body(archive, request); });
        } else if (name == "id") {
            named(name, [&] { request.id = load_id(archive); });
        } else if (name == "content_length") {
            archive.loadValue(request.content_length);
        } else {
            throw Wrong{"an unknown member '" + text::escape(name) + "'"};
        }
    }
    if (request.type.empty()) {
        throw Wrong{"'request_type' is missing"};
    }
}

// For a reply that says what was wrong: whose it is.
std::string find_id(std::string_view line) {
    std::istringstream stream{std::string(line)};
    try {
        Archive archive(stream);
        archive.setNextName("id");
        return load_id(archive);
    } catch (const cereal::Exception&) {
        return {};
    } catch (const Wrong&) {
        return {};
    }
}

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

template <typename Number>
bool find_number(std::string_view line, const char* name, Number& number) {
    std::istringstream stream{std::string(line)};
    try {
        Archive archive(stream);
        archive.setNextName(name);
        archive.loadValue(number);
        return true;
    } catch (const cereal::Exception&) {
        return false;
    }
}

}  // namespace

std::optional<ReplyHead> parse_reply(std::string_view line) {
    if (!check_json(line)) {
        return std::nullopt;
    }
    ReplyHead head;
    head.event = !find_number(line, "status", head.status);
    head.has_content = find_number(line, "content_length", head.content_length);
    return head;
}

std::string_view field_name(Field field) {
    return field_rows[static_cast<std::size_t>(field)].name;
}

Decoded decode_request(std::string_view line) {
    Decoded decoded;
    if (const Status checked = check_json(line); !checked) {
        decoded.code = Code::bad_json;
        decoded.why = "not acceptable as JSON: " + checked.error().message;
        decoded.length_known = false;
        return decoded;
    }
    const auto wrong = [&](std::string why) {
        decoded.code = Code::bad_request;
        decoded.why = std::move(why);
        decoded.request.id = find_id(line);
    };
    try {
        load_content_length(line, decoded);
        load_members(line, decoded.request);
    } catch (const Wrong& fault) {
        wrong(fault.why);
    } catch (const cereal::Exception&) {
        wrong("a member is of the wrong type");
    }
    return decoded;
}

std::optional<std::string> decode_base64(std::string_view text) {
    if (text.size() % 4 != 0) {
        return std::nullopt;
    }
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    text.remove_suffix(padding);
    std::string bytes;
    bytes.reserve(text.size() * 3 / 4);
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const std::size_t value = alphabet.find(c);
        if (value == alphabet.npos) {
            return std::nullopt;
        }
        bits = (bits << 6U | static_cast<std::uint32_t>(value)) & 0xffffffU;
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes += static_cast<char>(bits >> count & 0xffU);
        }
    }
    const bool rest_is_zero = (bits & ((1U << count) - 1U)) == 0;
    return rest_is_zero ? std::optional(bytes) : std::nullopt;
}

std::string encode_base64(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::string_view three = bytes.substr(i, 3);
        std::uint32_t bits = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            bits = bits << 8U | (k < three.size() ? static_cast<std::uint8_t>(three[k]) : 0U);
        }
        for (std::size_t k = 0; k < 4; ++k) {
            text += k <= three.size() ? alphabet[bits >> (18 - 6 * k) & 0x3fU] : '=';
        }
    }
    return text;
}

}  // namespace shoal::gateway::json
