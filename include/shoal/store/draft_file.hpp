// DraftFile: a hidden file that is being made in the folder where it will get its name.
//
// Mode 0600, made anew, locked while it is open, so that another process that starts meanwhile
// does not take it for what a crash has left. Its name is random: nothing of a user's is in its
// way. It is never offered, since its name begins with a dot.
#pragma once

#include <string>
#include <utility>

#include "shoal/base/fd.hpp"
#include "shoal/base/result.hpp"
#include "shoal/store/root.hpp"

namespace shoal::store {

class DraftFile {
  public:
    DraftFile() = default;
    DraftFile(DraftFile&& other) noexcept
        : folder_(other.folder_),
          name_(std::exchange(other.name_, {})),
          fd_(std::move(other.fd_)) {}
    DraftFile& operator=(DraftFile&&) = delete;
    // Removes the file unless it has got a name.
    ~DraftFile() { remove(); }

    // 0 or the errno. `folder` must stay open as long as this lives.
    int make(int folder);
    // 0, EEXIST when something has that name, or another errno; see give_name().
    int become(int folder, const char* name);
    // It has got a name by other means.
    void keep() { name_.clear(); }
    void remove();

    [[nodiscard]] int fd() const { return fd_.get(); }  // to read and write
    [[nodiscard]] const std::string& name() const { return name_; }
    Fd take_fd() { return std::move(fd_); }
    // From now on it can only be read, by nobody else's doing either: it has no writer left.
    int make_read_only();
    // Writes and forgets the descriptor; the lock goes with it. 0 or the errno.
    int close();

  private:
    int folder_{-1};
    std::string name_;
    Fd fd_;
};

// While it lives, no other process takes drafts below this root for leftovers, locked or not.
class DraftsInUse {
  public:
    explicit DraftsInUse(const Root& root);
    ~DraftsInUse();
    DraftsInUse(const DraftsInUse&) = delete;
    DraftsInUse& operator=(const DraftsInUse&) = delete;

  private:
    int root_;
};
// Removes what a crash has left under a draft's name.
void remove_leftover_draft(const Root& root, int folder, const char* name);

}  // namespace shoal::store
