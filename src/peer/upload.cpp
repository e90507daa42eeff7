#include "peer/upload.hpp"

namespace shoal::peer {

void PeerUpload::commit(CommitOrder order, Callback<Published> callback) {
    if (!draft_ || life_.expired()) {
        return callback(Error{ErrorKind::closed, "this upload is over"});
    }
    auto name = order.name.empty() ? Result<store::SafePath>(draft_->name())
                                   : store::SafePath::parse(order.name);
    if (!name) {
        return callback(name.error());
    }
    wiring_.keeper.post(EditMail(CommitUpload{std::move(*draft_), std::move(*name), order.mtime,
                                              order.must_not_exist, std::move(callback)}));
    draft_.reset();
}

}  // namespace shoal::peer
