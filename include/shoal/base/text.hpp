// Small text tools: display escaping, sizes, rates, durations, hex.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/base/result.hpp"
#include "shoal/base/time.hpp"

namespace shoal::text {

// For prompt, logs and listings: control characters, DEL, C1, bidi marks, line separators, what
// looks like nothing (Unicode's default-ignorable code points: zero-width signs, fillers, tags) and
// bytes that are not UTF-8 become \xNN or \u{NNNN}; everything else stays, the backslash too:
// escaping twice is escaping once. Variation selectors and joiners stay where they do what they
// are for: behind an emoji or an ideograph, between emoji, within scripts that join.
std::string escape(std::string_view raw);
// The same as it stands within the quotes of JSON: \uNNNN, which a reader turns back.
std::string escape_json(std::string_view raw);

// At most `bytes_max` of it, cut between characters (what is not UTF-8 is cut anywhere).
std::string_view cut(std::string_view text, std::size_t bytes_max);

// Strict UTF-8 (RFC 3629): no overlongs, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view raw);

// Three significant figures: "999 B", "1.5 KiB", "2.8 GiB"; "112 MiB/s".
std::string size(std::uint64_t bytes);
std::string rate(double bytes_per_second);
// "0.8 s", "14 s", "3 min 20 s", "2 h 5 min"; negative is 0 s.
std::string duration(Duration span);

// "16MiB", "512KiB", "1.5MB", "100Mbit", "1Gbit", plain bytes, with an optional "/s"; "0" and
// "off" mean unlimited. Units are exact in their case ("Mb" could mean either). Result is bytes
// per second, 0 for unlimited.
Result<std::uint64_t> parse_rate(std::string_view word);

// A whole decimal number in [low, high]; nothing else around it.
std::optional<std::uint64_t> parse_number(std::string_view word, std::uint64_t low,
                                          std::uint64_t high);

std::string join(const std::vector<std::string>& words, std::string_view between);

std::string hex(std::span<const std::uint8_t> bytes);
// nullopt unless it is an even number of hex digits.
std::optional<std::vector<std::uint8_t>> unhex(std::string_view digits);

}  // namespace shoal::text
