// An index from arbitrary bytes, as they are and with their checksum set right. Whatever they
// are: what is read is bounded by the input and means the same when it is written again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "shoal/base/limits.hpp"
#include "shoal/integrity/sha256.hpp"
#include "store/index_file.hpp"

namespace {

using namespace shoal;
using namespace shoal::store;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void feed(std::span<const std::uint8_t> bytes) {
    const auto index = decode_index(bytes);
    if (!index) {
        return;
    }
    std::vector<std::shared_ptr<const HeldFile>> files;
    std::size_t total = 0;
    for (const auto& [stamp, content] : index->contents) {
        const std::uint32_t chunks = integrity::Geometry(stamp.size).chunk_count();
        require(stamp.size <= limits::file_size_max);
        require(content.chunk_hashes.size() == (chunks > 1 ? chunks : 0));
        total += sizeof(Stamp) + (1 + content.chunk_hashes.size()) * sizeof(integrity::Digest);
        files.push_back(std::make_shared<const HeldFile>(HeldFile{SafePath::parse("f").value(),
                                                                  Where::shared,
                                                                  {stamp.size, content.root},
                                                                  content.chunk_hashes,
                                                                  stamp}));
    }
    require(total <= bytes.size());
    const auto again = decode_index(encode_index(files, index->mounts));
    require(again && again->contents.size() == index->contents.size() &&
            again->mounts == index->mounts);
    for (const auto& [stamp, content] : index->contents) {
        const auto found = again->contents.find(stamp);
        require(found != again->contents.end() && found->second.root == content.root &&
                found->second.chunk_hashes == content.chunk_hashes);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    feed({data, size});
    std::vector<std::uint8_t> checked(data, data + size);
    const integrity::Digest check = integrity::sha256(checked);
    checked.insert(checked.end(), check.bytes.begin(), check.bytes.end());
    feed(checked);
    return 0;
}
