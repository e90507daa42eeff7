// The names that the store makes up, all in one place. Each is one path component.
#pragma once

#include <string>
#include <string_view>

#include "shoal/integrity/digest.hpp"

namespace shoal::store::file_names {

inline constexpr std::string_view part_suffix = ".part";
inline constexpr std::string_view journal_suffix = ".part.journal";
inline constexpr std::string_view draft_prefix = ".shoal-draft-";
inline constexpr std::size_t draft_random_bytes = 16;  // in hexadecimal digits behind it
inline constexpr std::string_view index = "index";
inline constexpr std::string_view index_temp = "index.new";
inline constexpr std::string_view index_lock = "index.lock";

// NAME.part, the data of a download under way. A name that would get too long is cut, and
// marked by ~ and the start of the root, so that no two meet.
std::string part(std::string_view name, const integrity::Digest& root);
// NAME.<8 hex of root>.part, then NAME.<8 hex>-2.part and so on: where what comes before is taken
// by something else. `attempt` from 1 on.
std::string part_of_version(std::string_view name, const integrity::Digest& root,
                            unsigned attempt = 1);
// The journal that belongs to a part.
std::string journal(std::string_view part);
// The part that a journal's name belongs to.
std::string_view part_of_journal(std::string_view journal);

// "c" of "a/b/c".
std::string last_of(const std::string& path);

bool is_part(std::string_view name);
bool is_journal(std::string_view name);
// Either of them. It need not be ours: PartialStore::owns() tells.
bool is_like_own(std::string_view name);

// A file that is being made (DraftFile).
bool is_draft(std::string_view name);

// "name (2).ext" for number 2, within 255 bytes.
std::string numbered(std::string_view name, unsigned number);

}  // namespace shoal::store::file_names
