// JsonObject: writes JSON (RFC 8259) on one line. cereal's archive for JSON breaks lines, and
// both the events of the command line and the JSON gateway are one object a line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

// Appends `raw` in quotes. What is not UTF-8 is escaped as for people, so that it is JSON all
// the same.
void append_json_text(std::string& out, std::string_view raw);

// Builds one object, member by member.
class JsonObject {
  public:
    JsonObject& text(std::string_view key, std::string_view value);
    JsonObject& number(std::string_view key, std::uint64_t value);
    JsonObject& integer(std::string_view key, std::int64_t value);
    JsonObject& real(std::string_view key, double value);
    JsonObject& boolean(std::string_view key, bool value);
    JsonObject& null(std::string_view key);
    JsonObject& texts(std::string_view key, const std::vector<std::string>& values);
    JsonObject& numbers(std::string_view key, const std::vector<std::uint64_t>& values);
    JsonObject& object(std::string_view key, const JsonObject& value);
    JsonObject& objects(std::string_view key, const std::vector<JsonObject>& values);
    // "{...}", without a line end.
    [[nodiscard]] std::string str() const { return body_ + "}"; }

  private:
    std::string& member(std::string_view key);
    std::string body_{"{"};
};

}  // namespace shoal
