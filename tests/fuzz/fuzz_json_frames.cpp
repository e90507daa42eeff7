// What a stranger sends to the JSON gateway: the handshake without the secret never opens, and
// the framing finds the same messages however the bytes are cut.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/json/messages.hpp"
#include "gateway/json/session.hpp"

namespace {

using namespace shoal;
using namespace shoal::gateway::json;
using Got = MessageReader::Got;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

const integrity::Secret secret({'s', 'i', 'x', 't', 'e', 'e', 'n', ' ', 'b', 'y', 't', 'e', 's',
                                ' ', 'o', 'f', ' ', 'i', 't'});
const integrity::Secret none;

// How a handshake ends that gets the bytes in pieces of `step`, and what it says.
std::string talk(const integrity::Secret& known, std::string_view said, std::size_t step) {
    ServerHandshake server(known, Identity{});
    std::string input;
    std::string answer;
    for (std::size_t i = 0; i < said.size(); i += step) {
        input += said.substr(i, step);
        server.handle(input);
        answer += server.take_output();
    }
    require(server.state() != ServerHandshake::State::open || !known.present());
    return answer + std::to_string(static_cast<int>(server.state()));
}

// Lines, and after every second one a content of its first byte's length.
std::vector<std::string> messages(std::span<const std::uint8_t> bytes, std::size_t step,
                                  bool sealed) {
    MessageReader reader(sealed ? std::optional(MacStream(integrity::Digest{})) : std::nullopt);
    std::vector<std::string> found;
    std::string content;
    std::uint64_t left = 0;
    for (std::size_t i = 0; i < bytes.size(); i += step) {
        reader.feed(bytes.subspan(i, std::min(step, bytes.size() - i)));
        auto got = Got::something;
        while (got == Got::something) {
            std::string_view line;
            std::span<const std::uint8_t> block;
            got = left > 0 ? reader.next_content(left, block) : reader.next_line(line);
            if (got >= Got::forged) {
                found.emplace_back("end");
                return found;
            }
            if (got == Got::something && left > 0) {
                content.append(block.begin(), block.end());
                left -= block.size();
                if (left == 0) {
                    found.push_back(std::move(content));
                    content.clear();
                }
            } else if (got == Got::something) {
                require(line.size() <= json_bytes_max && line.find('\n') == line.npos);
                found.emplace_back(line);
                left = line.empty() ? 0 : static_cast<unsigned char>(line.front()) % 100;
            }
        }
    }
    return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view said(reinterpret_cast<const char*>(data), size);
    const std::size_t whole = std::max<std::size_t>(size, 1);
    require(talk(secret, said, whole) == talk(secret, said, 1));
    require(talk(none, said, whole) == talk(none, said, 3));
    ClientHandshake client(secret, Identity{});
    std::string input(said);
    (void)client.handle(input);
    require(!client.open());
    for (const bool sealed : {false, true}) {
        require(messages({data, size}, whole, sealed) == messages({data, size}, 1, sealed));
    }
    return 0;
}
