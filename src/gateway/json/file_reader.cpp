#include "gateway/json/file_reader.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "shoal/base/disk_fault.hpp"

namespace shoal::gateway::json {

void FileReader::open(peer::GatewayApi& api, const std::string& name, std::uint64_t offset,
                      const Waker& waker) {
    slot_ = std::make_shared<Slot<peer::ReadStreamPtr>>(waker);
    peer::OpenOrder order;
    order.name = name;
    order.offset = offset;
    api.open(std::move(order), waker, slot_->callback());
}

Result<bool> FileReader::opened() {
    if (stream_) {
        return true;
    }
    auto answer = slot_->take();
    if (!answer) {
        return false;
    }
    if (!*answer) {
        return answer->error();
    }
    stream_ = std::move(answer->value());
    return true;
}

Result<std::size_t> FileReader::read(std::uint64_t offset, std::span<std::uint8_t> into) {
    const Result<std::uint64_t> end = stream_->readable_to(offset);
    if (!end) {
        return end.error();
    }
    if (*end <= offset) {
        return std::size_t{0};
    }
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(*end - offset, into.size()));
    std::size_t done = 0;
    while (done < count) {
        const ssize_t got = ::pread(stream_->fd(), into.data() + done, count - done,
                                    static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            warn_of_disk(entry().name, errno);
            return system_error("cannot read '" + entry().name + "'", errno);
        }
        if (got == 0) {
            return Error{ErrorKind::changed, "the file was cut while it was read"};
        }
        done += static_cast<std::size_t>(got);
    }
    return done;
}

Result<bool> FileReader::confirm() {
    const Result<std::uint64_t> end = stream_->readable_to(entry().size);
    return end ? Result<bool>(*end >= entry().size) : end.error();
}

}  // namespace shoal::gateway::json
