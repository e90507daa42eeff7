#include "peer/cache_book.hpp"

#include <algorithm>

#include "shoal/base/text.hpp"
#include "shoal/store/safe_path.hpp"

namespace shoal::peer {

void CacheBook::add(std::string name, const integrity::FileId& id) {
    remove(name);
    entries_.push_back({name, id});
    by_name_.emplace(std::move(name), std::prev(entries_.end()));
    bytes_ += id.size;
    changed_ = true;
}

void CacheBook::touch(std::string_view name) {
    if (const auto found = by_name_.find(name); found != by_name_.end()) {
        entries_.splice(entries_.end(), entries_, found->second);
        changed_ = true;
    }
}

bool CacheBook::remove(std::string_view name) {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) {
        return false;
    }
    bytes_ -= found->second->id.size;
    entries_.erase(found->second);
    by_name_.erase(found);
    changed_ = true;
    return true;
}

std::vector<CacheBook::Entry> CacheBook::evict(std::uint64_t bytes_max) {
    std::vector<Entry> gone;
    while (bytes_ > bytes_max) {
        gone.push_back(entries_.front());
        remove(gone.back().name);
    }
    return gone;
}

std::string CacheBook::save() const {
    std::string text;
    for (const Entry& entry : entries_) {
        const auto* name = reinterpret_cast<const std::uint8_t*>(entry.name.data());
        text += std::to_string(entry.id.size) + ' ' + entry.id.root.hex() + ' ' +
                text::hex(std::span(name, entry.name.size())) + '\n';
    }
    return text;
}

void CacheBook::load(std::string_view lines) {
    while (!lines.empty()) {
        const std::string_view line = lines.substr(0, lines.find('\n'));
        lines.remove_prefix(std::min(lines.size(), line.size() + 1));
        const std::size_t first = line.find(' ');
        const std::size_t second = line.find(' ', std::min(first, line.size() - 1) + 1);
        if (first == line.npos || second == line.npos) {
            continue;
        }
        Entry entry;
        const auto size = text::parse_number(line.substr(0, first), 0, limits::file_size_max);
        const auto root = text::unhex(line.substr(first + 1, second - first - 1));
        const auto name = text::unhex(line.substr(second + 1));
        if (!size || !root || root->size() != entry.id.root.bytes.size() || !name) {
            continue;
        }
        entry.id.size = *size;
        std::copy(root->begin(), root->end(), entry.id.root.bytes.begin());
        entry.name.assign(name->begin(), name->end());
        if (store::SafePath::parse(entry.name) && entry.id.possible()) {
            add(std::move(entry.name), entry.id);
        }
    }
    changed_ = false;
}

}  // namespace shoal::peer
