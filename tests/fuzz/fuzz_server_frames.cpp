// A stream of serverMessages: whatever it is, cut whole, bytewise and in pieces it gives the same
// events, and what is decoded encodes to the same bytes.
#include "frames_feed.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    shoal::fuzz::check_cuts<shoal::protocol::ServerFrames>({data, size});
    return 0;
}
