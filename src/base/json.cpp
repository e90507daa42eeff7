#include "shoal/base/json.hpp"

#include <array>
#include <cmath>
#include <cstdio>

#include "shoal/base/text.hpp"

namespace shoal {

void append_json_text(std::string& out, std::string_view raw) {
    out += '"';
    out += text::escape_json(raw);
    out += '"';
}

std::string& JsonObject::member(std::string_view key) {
    if (body_.size() > 1) {
        body_ += ',';
    }
    append_json_text(body_, key);
    body_ += ':';
    return body_;
}

JsonObject& JsonObject::text(std::string_view key, std::string_view value) {
    append_json_text(member(key), value);
    return *this;
}

JsonObject& JsonObject::number(std::string_view key, std::uint64_t value) {
    member(key) += std::to_string(value);
    return *this;
}

JsonObject& JsonObject::integer(std::string_view key, std::int64_t value) {
    member(key) += std::to_string(value);
    return *this;
}

JsonObject& JsonObject::real(std::string_view key, double value) {
    std::array<char, 64> digits{};
    // JSON has no infinity; what is not finite was never measured.
    std::snprintf(digits.data(), digits.size(), "%.6g", std::isfinite(value) ? value : 0.0);
    member(key) += digits.data();
    return *this;
}

JsonObject& JsonObject::boolean(std::string_view key, bool value) {
    member(key) += value ? "true" : "false";
    return *this;
}

JsonObject& JsonObject::null(std::string_view key) {
    member(key) += "null";
    return *this;
}

JsonObject& JsonObject::texts(std::string_view key, const std::vector<std::string>& values) {
    member(key) += '[';
    for (std::size_t i = 0; i < values.size(); ++i) {
        body_ += i > 0 ? "," : "";
        append_json_text(body_, values[i]);
    }
    body_ += ']';
    return *this;
}

JsonObject& JsonObject::numbers(std::string_view key, const std::vector<std::uint64_t>& values) {
    member(key) += '[';
    for (std::size_t i = 0; i < values.size(); ++i) {
        body_ += (i > 0 ? "," : "") + std::to_string(values[i]);
    }
    body_ += ']';
    return *this;
}

JsonObject& JsonObject::object(std::string_view key, const JsonObject& value) {
    member(key) += value.str();
    return *this;
}

JsonObject& JsonObject::objects(std::string_view key, const std::vector<JsonObject>& values) {
    member(key) += '[';
    for (std::size_t i = 0; i < values.size(); ++i) {
        body_ += (i > 0 ? "," : "") + values[i].str();
    }
    body_ += ']';
    return *this;
}

}  // namespace shoal
