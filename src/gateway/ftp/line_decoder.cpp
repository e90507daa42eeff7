#include "gateway/ftp/line_decoder.hpp"

#include <utility>

#include "shoal/base/wipe.hpp"

namespace shoal::gateway::ftp {
namespace {

// RFC 854.
constexpr std::uint8_t sub_end = 240;
constexpr std::uint8_t sub_begin = 250;
constexpr std::uint8_t will = 251;
constexpr std::uint8_t wont = 252;
constexpr std::uint8_t do_it = 253;
constexpr std::uint8_t dont = 254;
constexpr std::uint8_t iac = 255;

}  // namespace

std::size_t LineDecoder::feed(std::span<const std::uint8_t> bytes, std::vector<Line>& lines,
                              std::size_t lines_max) {
    const std::size_t before = lines.size();
    std::size_t taken = 0;
    while (taken < bytes.size() && lines.size() - before < lines_max) {
        take(bytes[taken++], lines);
    }
    return taken;
}

std::string LineDecoder::take_answers() { return std::exchange(answers_, {}); }

void LineDecoder::take(std::uint8_t byte, std::vector<Line>& lines) {
    switch (state_) {
        case State::after_cr:
            state_ = State::text;
            if (byte == '\0') {
                push('\r', lines);
                return;
            }
            if (byte != '\n') {
                push('\r', lines);
            }
            take_text(byte, lines);
            return;
        case State::text:
            take_text(byte, lines);
            return;
        case State::command:
            take_command(byte, lines);
            return;
        case State::option:
            take_option(byte);
            return;
        case State::sub:
            state_ = byte == iac ? State::sub_command : State::sub;
            return;
        case State::sub_command:
            state_ = byte == sub_end ? State::text : State::sub;
            return;
    }
}

void LineDecoder::take_text(std::uint8_t byte, std::vector<Line>& lines) {
    if (byte == '\n') {
        end_line(lines);
    } else if (byte == '\r') {
        state_ = State::after_cr;
    } else if (byte == iac) {
        state_ = State::command;
    } else {
        push(byte, lines);
    }
}

void LineDecoder::take_command(std::uint8_t byte, std::vector<Line>& lines) {
    state_ = State::text;
    if (byte == iac) {
        push(byte, lines);
    } else if (byte == sub_begin) {
        state_ = State::sub;
    } else if (byte >= will) {
        state_ = State::option;
        verb_ = byte;
    } else if (byte < sub_end) {
        take_text(byte, lines);  // no Telnet command: an IAC whose DM went another way
    }
}

void LineDecoder::take_option(std::uint8_t byte) {
    state_ = State::text;
    if ((verb_ == will || verb_ == do_it) && answers_.size() < line_max) {
        for (const std::uint8_t part : {iac, verb_ == will ? dont : wont, byte}) {
            answers_.push_back(static_cast<char>(part));
        }
    }
}

void LineDecoder::push(std::uint8_t byte, std::vector<Line>& lines) {
    if (discarded_ > 0) {
        ++discarded_;
    } else if (partial_.size() < line_max) {
        partial_.push_back(static_cast<char>(byte));
    } else {
        discarded_ = 1;
        partial_ = {};
        lines.push_back({{}, true});
    }
}

void LineDecoder::end_line(std::vector<Line>& lines) {
    if (discarded_ == 0) {
        lines.push_back({partial_, false});
        wipe(partial_);
        partial_.shrink_to_fit();
    }
    discarded_ = 0;
}

}  // namespace shoal::gateway::ftp
