#include "recheck.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace shoal::store {

std::vector<ChunkIndex> chunks_with_data(int fd, const integrity::Geometry& geometry) {
    std::vector<ChunkIndex> chunks;
    const auto size = static_cast<off_t>(geometry.file_size());
    std::uint32_t next = 0;  // chunks below it are in the list or have no data
    for (off_t at = 0; at < size;) {
        off_t data = ::lseek(fd, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO) {
            break;
        }
        off_t hole = data < 0 ? -1 : ::lseek(fd, data, SEEK_HOLE);
        if (data < 0 || hole <= data) {
            data = at;
            hole = size;
        }
        const auto chunk_size = static_cast<off_t>(geometry.chunk_size());
        next = std::max(next, static_cast<std::uint32_t>(data / chunk_size));
        for (; next < geometry.chunk_count() && off_t{next} * chunk_size < hole; ++next) {
            chunks.push_back({next});
        }
        at = hole;
    }
    return chunks;
}

std::vector<ChunkIndex> chunks_in(const Bitmap& held) {
    std::vector<ChunkIndex> chunks;
    for (std::uint32_t chunk = 0; chunk < held.size(); ++chunk) {
        if (held.test(chunk)) {
            chunks.push_back({chunk});
        }
    }
    return chunks;
}

}  // namespace shoal::store
