// Events as JSON (RFC 8259), one object a line. The field names stand in the manual page.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/peer/peer_api.hpp"

namespace shoal::cli {

// Builds one object, member by member.
class JsonObject {
  public:
    JsonObject& text(std::string_view key, std::string_view value);
    JsonObject& number(std::string_view key, std::uint64_t value);
    JsonObject& real(std::string_view key, double value);
    JsonObject& boolean(std::string_view key, bool value);
    JsonObject& null(std::string_view key);
    JsonObject& texts(std::string_view key, const std::vector<std::string>& values);
    JsonObject& numbers(std::string_view key, const std::vector<unsigned>& values);
    JsonObject& object(std::string_view key, const JsonObject& value);
    JsonObject& objects(std::string_view key, const std::vector<JsonObject>& values);
    // "{...}", without a line end.
    [[nodiscard]] std::string str() const { return body_ + "}"; }

  private:
    std::string& member(std::string_view key);
    std::string body_{"{"};
};

std::string json_line(const peer::Event& event);

}  // namespace shoal::cli
