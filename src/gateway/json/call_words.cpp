#include "gateway/json/call_words.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "gateway/json/json_check.hpp"
#include "shoal/base/json.hpp"
#include "shoal/base/text.hpp"

namespace shoal::gateway::json {
namespace {

Error bad(std::string why) { return {ErrorKind::bad_input, std::move(why)}; }

// The field that a bare word behind the type stands for.
std::string main_field(std::string_view type) {
    return type == "SEARCH" ? "name" : type == "LIST" ? "folder" : "rel_endpoint";
}

std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');  // where JSON allows one, a blank will do
    std::replace(text.begin(), text.end(), '\r', ' ');
    return text;
}

// Body fields, as they come.
class BodyWords {
  public:
    Status take(std::string_view field, const std::string& value) {
        if (field == "meta_data" || field == "hosts") {
            lists_[std::string(field)].push_back(value);
            return {};
        }
        if (field == "range") {
            return take_range(value);
        }
        if (is_number(field)) {
            const auto number = text::parse_number(value, 0, UINT64_MAX);
            if (!number) {
                return bad("'" + std::string(field) + "' takes a whole number");
            }
            body_.number(field, *number);
            return {};
        }
        if (field == "wait" || field == "inline") {
            if (value != "true" && value != "false") {
                return bad("'" + std::string(field) + "' takes true or false");
            }
            body_.boolean(field, value == "true");
            return {};
        }
        body_.text(field, value);
        return {};
    }

    [[nodiscard]] JsonObject body() const {
        JsonObject body = body_;
        for (const auto& [field, values] : lists_) {
            body.texts(field, values);
        }
        return body;
    }

  private:
    static bool is_number(std::string_view field) {
        constexpr std::array numbers{"limit", "timeout", "size", "size_min", "size_max", "ttl"};
        return std::find(numbers.begin(), numbers.end(), field) != numbers.end();
    }
    // "OFFSET,LENGTH"
    Status take_range(const std::string& value) {
        const std::size_t comma = std::min(value.find(','), value.size());
        const auto offset = text::parse_number(value.substr(0, comma), 0, UINT64_MAX);
        const auto length = comma < value.size()
                                ? text::parse_number(value.substr(comma + 1), 0, UINT64_MAX)
                                : std::nullopt;
        if (!offset || !length) {
            return bad("'range' takes OFFSET,LENGTH");
        }
        body_.numbers("range", {*offset, *length});
        return {};
    }

    JsonObject body_;
    std::map<std::string, std::vector<std::string>> lists_;
};

Result<std::string> request_of_words(const std::vector<std::string>& words,
                                     std::optional<std::uint64_t> content_length) {
    const std::string& type = words.front();
    BodyWords body;
    for (std::size_t i = 1; i < words.size(); ++i) {
        const std::size_t sign = words[i].find('=');
        // The first word may be a name with a '=' of its own only as rel_endpoint=NAME.
        const bool bare = sign == std::string::npos;
        if (bare && i != 1) {
            return bad("'" + text::escape(words[i]) + "' is not FIELD=VALUE");
        }
        const std::string field = bare ? main_field(type) : words[i].substr(0, sign);
        if (Status taken = body.take(field, bare ? words[i] : words[i].substr(sign + 1)); !taken) {
            return taken.error();
        }
    }
    JsonObject request;
    request.text("request_type", type).object("body", body.body());
    if (content_length) {
        request.number("content_length", *content_length);
    }
    return request.str();
}

}  // namespace

Result<std::vector<std::string>> requests_of(const std::vector<std::string>& words,
                                             std::optional<std::uint64_t> content_length) {
    const auto is_json = [](const std::string& word) { return word.starts_with('{'); };
    if (!is_json(words.front())) {
        Result<std::string> request = request_of_words(words, content_length);
        return request ? Result<std::vector<std::string>>(std::vector{std::move(*request)})
                       : request.error();
    }
    if (content_length) {
        return bad("--input goes with a request in words, such as: PUSH a.txt --input FILE");
    }
    std::vector<std::string> lines;
    for (const std::string& word : words) {
        if (!is_json(word)) {
            return bad("'" + text::escape(word) + "' is no JSON object");
        }
        lines.push_back(one_line(word));
        if (const Status checked = check_json(lines.back()); !checked) {
            return bad("not acceptable as JSON: " + checked.error().message);
        }
    }
    return lines;
}

}  // namespace shoal::gateway::json
