#include "file_names.hpp"

#include "shoal/base/limits.hpp"
#include "shoal/base/text.hpp"

namespace shoal::store::file_names {
namespace {

// Room is left for what journal() adds.
constexpr std::size_t part_max =
    limits::path_component_max - (journal_suffix.size() - part_suffix.size());

std::string mark_of(const integrity::Digest& root) { return root.hex().substr(0, 8); }

}  // namespace

std::string part(std::string_view name, const integrity::Digest& root) {
    if (name.size() + part_suffix.size() <= part_max) {
        return std::string(name).append(part_suffix);
    }
    const std::string tail = "~" + mark_of(root) + std::string(part_suffix);
    return std::string(text::cut(name, part_max - tail.size())) + tail;
}

std::string part_of_version(std::string_view name, const integrity::Digest& root,
                            unsigned attempt) {
    const std::string number = attempt > 1 ? "-" + std::to_string(attempt) : "";
    const std::string tail = "." + mark_of(root) + number + std::string(part_suffix);
    return std::string(text::cut(name, part_max - tail.size())) + tail;
}

std::string journal(std::string_view part) {
    return std::string(part.substr(0, part.size() - part_suffix.size())).append(journal_suffix);
}

std::string_view part_of_journal(std::string_view journal) {
    return journal.substr(0, journal.size() - (journal_suffix.size() - part_suffix.size()));
}

std::string last_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool is_part(std::string_view name) { return name.ends_with(part_suffix); }
bool is_journal(std::string_view name) { return name.ends_with(journal_suffix); }
bool is_like_own(std::string_view name) { return is_part(name) || is_journal(name); }

bool is_draft(std::string_view name) {
    return name.starts_with(draft_prefix) &&
           name.size() == draft_prefix.size() + 2 * draft_random_bytes &&
           name.find_first_not_of("0123456789abcdef", draft_prefix.size()) == name.npos;
}

std::string numbered(std::string_view name, unsigned number) {
    std::size_t dot = name.rfind('.');
    if (dot == name.npos || dot == 0 || name.size() - dot > 32) {
        dot = name.size();
    }
    const std::string tail = " (" + std::to_string(number) + ")" + std::string(name.substr(dot));
    return std::string(text::cut(name.substr(0, dot), limits::path_component_max - tail.size())) +
           tail;
}

}  // namespace shoal::store::file_names
