// FolderCache: the descriptor of the folder that was last asked for. Names come in runs of the
// same folder, so most lookups cost nothing. For one pass: it does not see a folder replaced.
#pragma once

#include <string>

#include "shoal/store/root.hpp"

namespace shoal::store {

class FolderCache {
  public:
    enum class Missing { is_error, is_made };

    FolderCache(const Root& root, Missing missing) : root_(&root), missing_(missing) {}

    // The folder of `path`; valid until the next call.
    Result<int> folder_of(const SafePath& path) {
        if (!fd_ || path.folder() != folder_) {
            Result<Fd> opened = root_->open_folder_of(path, missing_ == Missing::is_made);
            if (!opened) {
                return opened.error();
            }
            fd_ = std::move(*opened);
            folder_ = path.folder();
        }
        return fd_.get();
    }

  private:
    const Root* root_;
    Missing missing_;
    std::string folder_;
    Fd fd_;
};

}  // namespace shoal::store
