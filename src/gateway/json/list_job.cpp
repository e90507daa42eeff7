// LIST: a folder of the swarm's tree, in pages.
#include <algorithm>

#include "gateway/json/rows.hpp"

namespace shoal::gateway::json {
namespace {

class ListJob final : public Job {
  public:
    explicit ListJob(Order order)
        : order_(std::move(order)),
          slot_(std::make_shared<Slot<peer::FolderViewPtr>>(order_.waker)) {}

    Step step(Exchange& exchange) override {
        if (!asked_) {
            asked_ = true;
            order_.shared.api->browse(folder(), slot_->callback());
        }
        const auto answer = slot_->take();
        if (!answer) {
            return Step::waits;
        }
        if (!*answer) {
            exchange.reply(Resolution::of(answer->error()));
        } else if (const peer::FolderView& view = *answer->value(); view.complete) {
            exchange.reply(page_of(view));
        } else {
            exchange.reply(Resolution::of(
                Code::unknown, "not all of the folder can be listed now: " + view.doubts));
        }
        return Step::done;
    }

  private:
    // "a/b/" is the folder "a/b".
    [[nodiscard]] std::string folder() const {
        std::string folder = order_.request.body.folder.value_or("");
        if (folder.ends_with('/')) {
            folder.pop_back();
        }
        return folder;
    }

    [[nodiscard]] Resolution page_of(const peer::FolderView& view) const {
        const std::string after = order_.request.body.after.value_or("");
        Rows rows(order_.request.body);
        auto entry = std::upper_bound(
            view.entries.begin(), view.entries.end(), after,
            [](const std::string& name, const peer::TreeEntry& one) { return name < one.name; });
        for (; entry != view.entries.end() && !rows.full(); ++entry) {
            if (entry->folder || order_.shared.rights.allows(entry->name)) {
                rows.add(row_of(*entry));
            }
        }
        return rows.resolution(
            "ok", rows.summary(entry != view.entries.end(), view.truncated, view.hosts));
    }

    static JsonObject row_of(const peer::TreeEntry& entry) {
        JsonObject row;
        row.text("name", entry.name).boolean("folder", entry.folder);
        if (!entry.folder) {
            row.number("size", entry.size);
            if (!entry.root.empty()) {
                row.text("root", entry.root);
            }
            if (entry.mtime) {
                row.integer("mtime", *entry.mtime);
            }
            row.number("holders", entry.holders);
        }
        row.boolean("here", entry.here);
        return row;
    }

    Order order_;
    SlotPtr<peer::FolderViewPtr> slot_;
    bool asked_{false};
};

}  // namespace

JobPtr make_list(Order&& order) { return std::make_unique<ListJob>(std::move(order)); }

}  // namespace shoal::gateway::json
