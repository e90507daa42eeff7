// MountTable: which file systems are mounted below shared/ and downloads/, and that one came or
// went: no notice of inotify tells that. Main only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shoal/base/fd.hpp"
#include "watcher.hpp"

namespace shoal::store {

struct Mount {
    Place place;         // where it is seen, never a whole tree's root
    std::uint64_t id{};  // the kernel's, another with each mount
    friend auto operator<=>(const Mount&, const Mount&) = default;
};

// Of the text of /proc/self/mountinfo those below `root` (absolute, as the kernel shows it),
// sorted. Pure. Names that cannot be offered are passed over, and so are lines that make no sense.
std::vector<Mount> mounts_below(std::string_view mountinfo, std::string_view root, Where where);

// Whether the file system behind the folder tells nothing of what others do to it: of a network, or
// of a process.
bool is_mute(int folder_fd);
// For tests: every file system is.
void pretend_mute(bool on);

class MountTable {
  public:
    // `path`: for tests.
    explicit MountTable(bool on, const char* path = "/proc/self/mountinfo");

    // To be watched for exceptions (EPOLLPRI); -1: there is none.
    [[nodiscard]] int fd() const { return file_.get(); }
    struct News {
        std::vector<Place> came, went;  // one that was replaced is in both
    };
    // What has changed since the last call; the first one tells of nothing.
    News take(int shared_fd, int downloads_fd);
    // Where file systems were mounted then.
    [[nodiscard]] std::vector<Place> places() const;

  private:
    Fd file_;
    bool seen_{false};
    std::vector<Mount> mounts_;
};

}  // namespace shoal::store
