#include "keys.hpp"

#include <algorithm>
#include <iterator>
#include <optional>

#include "shoal/base/text.hpp"

namespace shoal::cli {
namespace {

using Code = Key::Code;

constexpr std::size_t sequence_max = 32;
constexpr std::size_t paste_max = 64 * 1024;
constexpr std::string_view paste_begin = "200~";
constexpr std::string_view paste_end = "\x1b[201~";

struct Named {
    std::string_view bytes;
    Code code;
};

constexpr Named controls[] = {{"\x01", Code::home},
                              {"\x02", Code::left},
                              {"\x03", Code::interrupt},
                              {"\x04", Code::end_of_input},
                              {"\x05", Code::end},
                              {"\x06", Code::right},
                              {"\x07", Code::abort},
                              {"\x08", Code::backspace},
                              {"\t", Code::tab},
                              {"\n", Code::enter},
                              {"\x0b", Code::kill_to_end},
                              {"\x0c", Code::clear_screen},
                              {"\r", Code::enter},
                              {"\x0e", Code::down},
                              {"\x10", Code::up},
                              {"\x12", Code::search},
                              {"\x14", Code::transpose},
                              {"\x15", Code::kill_to_start},
                              {"\x17", Code::erase_word_left},
                              {"\x19", Code::yank},
                              {"\x1a", Code::suspend},
                              {"\x7f", Code::backspace}};

// After ESC.
constexpr Named alts[] = {{"b", Code::word_left},
                          {"f", Code::word_right},
                          {"d", Code::erase_word_right},
                          {"\x7f", Code::erase_word_left},
                          {"\x08", Code::erase_word_left}};

// After ESC [ or ESC O: xterm's, rxvt's and the Linux console's words.
constexpr Named sequences[] = {
    {"A", Code::up},           {"B", Code::down},          {"C", Code::right},
    {"D", Code::left},         {"H", Code::home},          {"F", Code::end},
    {"1~", Code::home},        {"7~", Code::home},         {"4~", Code::end},
    {"8~", Code::end},         {"3~", Code::erase},        {"1;5C", Code::word_right},
    {"1;5D", Code::word_left}, {"1;3C", Code::word_right}, {"1;3D", Code::word_left},
    {"Oc", Code::word_right},  {"Od", Code::word_left},    {"3;5~", Code::erase_word_right}};

template <std::size_t Size>
std::vector<Key> key_named(const Named (&table)[Size], std::string_view bytes) {
    const auto* found = std::find_if(std::begin(table), std::end(table),
                                     [bytes](const Named& one) { return one.bytes == bytes; });
    return found == std::end(table) ? std::vector<Key>{} : std::vector<Key>{{found->code, ""}};
}

bool is_final(char c) { return c >= 0x40 && c <= 0x7E; }

// Nothing invisible gets in.
std::vector<Key> pasted_line(std::string_view line) {
    std::string text;
    for (const char c : line) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7F) {
            text += c;
        } else if (c == '\t') {
            text += ' ';
        }
    }
    return text.empty() || !text::is_utf8(text) ? std::vector<Key>{}
                                                : std::vector<Key>{{Code::paste, std::move(text)}};
}

// Several lines are as many commands, as if each had been typed; the end of a lone line waits for
// the user's own Enter.
std::vector<Key> pasted(std::string_view text) {
    text = text::cut(text, paste_max);
    std::vector<Key> keys;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
        std::vector<Key> line = pasted_line(text.substr(0, end));
        const bool only = keys.empty() && text.find_first_not_of("\r\n", end) == text.npos;
        const bool whole = end < text.size();
        text.remove_prefix(std::min(text.find_first_not_of("\r\n", end), text.size()));
        if (!line.empty() && whole && !only) {
            line.push_back({Code::enter, ""});
        }
        std::move(line.begin(), line.end(), std::back_inserter(keys));
    }
    return keys;
}

}  // namespace

std::vector<Key> KeyDecoder::feed(std::string_view bytes) {
    pending_ += bytes;
    std::vector<Key> keys;
    while (!pending_.empty()) {
        Step step = next();
        if (step.used == 0) {
            break;
        }
        pending_.erase(0, step.used);
        std::move(step.keys.begin(), step.keys.end(), std::back_inserter(keys));
    }
    return keys;
}

KeyDecoder::Step KeyDecoder::next() {
    if (pasting_) {
        return next_paste();
    }
    const auto first = static_cast<unsigned char>(pending_[0]);
    if (first == 0x1B) {
        return next_escape();
    }
    if (first < 0x20 || first == 0x7F) {
        return {1, key_named(controls, std::string_view(pending_).substr(0, 1))};
    }
    return next_character();
}

KeyDecoder::Step KeyDecoder::next_escape() {
    if (pending_.size() < 2) {
        return {};
    }
    if (pending_[1] == '[' || pending_[1] == 'O') {
        return next_sequence();
    }
    if (pending_[1] == 0x1B) {
        return {1, {}};
    }
    return {2, key_named(alts, std::string_view(pending_).substr(1, 1))};
}

KeyDecoder::Step KeyDecoder::next_sequence() {
    const auto final = std::find_if(pending_.begin() + 2, pending_.end(), is_final);
    const auto length = static_cast<std::size_t>(final - pending_.begin());
    if (final == pending_.end()) {
        return {length > sequence_max ? length : 0, {}};
    }
    const std::string_view word = std::string_view(pending_).substr(2, length - 1);
    if (word == paste_begin) {
        pasting_ = true;
        return {length + 1, {}};
    }
    std::vector<Key> keys = key_named(sequences, word);
    if (keys.empty() && pending_[1] == 'O') {
        keys = key_named(sequences, "O" + std::string(word));
    }
    return {length + 1, std::move(keys)};
}

KeyDecoder::Step KeyDecoder::next_character() {
    const auto lead = static_cast<unsigned char>(pending_[0]);
    const std::size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    // A broken character must not hold up what follows it.
    for (std::size_t i = 1; i < std::min(length, pending_.size()); ++i) {
        if ((static_cast<unsigned char>(pending_[i]) & 0xC0U) != 0x80) {
            return {i, {}};
        }
    }
    if (pending_.size() < length) {
        return {};
    }
    const std::string character = pending_.substr(0, length);
    return {length, text::is_utf8(character) ? std::vector<Key>{{Code::text, character}}
                                             : std::vector<Key>{}};
}

KeyDecoder::Step KeyDecoder::next_paste() {
    const std::size_t end = pending_.find(paste_end);
    if (end == std::string::npos) {
        // What is too much is dropped, but for what may be the beginning of the end.
        const bool flood = pending_.size() > 2 * paste_max;
        return {flood ? pending_.size() - paste_max : 0, {}};
    }
    pasting_ = false;
    std::vector<Key> keys = pasted(std::string_view(pending_).substr(0, end));
    return {end + paste_end.size(), std::move(keys)};
}

}  // namespace shoal::cli
