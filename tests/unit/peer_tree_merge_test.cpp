// One list of what this host has and of what others told.
#include <catch2/catch.hpp>

#include "../support/store_fixture.hpp"
#include "peer/tree_merge.hpp"

namespace shoal::peer {
namespace {

using test::StoreFixture;

ToldRow folder(const std::string& name, std::int64_t below) {
    return {name, true, false, {}, 0, below};
}

TreeEntry entry_called(const FolderView& view, const std::string& name) {
    for (const TreeEntry& entry : view.entries) {
        if (entry.name == name) {
            return entry;
        }
    }
    FAIL(name);
    return {};
}

}  // namespace

TEST_CASE("a folder has its own time, or the newest that is known of what is in it") {
    StoreFixture store;
    store.dir.write("shared/near/a", "a");
    store.dir.write("downloads/fetched/a", "a");
    store.reopen();
    store.settle();
    const store::Catalog& catalog = store->catalog();
    const std::string b = "b";
    const std::string c = "c";
    const ToldRows by_b{folder("far", 100), folder("fetched", 100), folder("near", 1LL << 40),
                        folder("nothing", 0)};
    const ToldRows by_c{folder("far", 300)};
    const auto list = [&](const std::vector<Told::Folder>& told) {
        return merge_folder(Offers(catalog), "", merge_told(told));
    };
    const FolderView view = list({{&b, false, true, false, &by_b}, {&c, true, true, false, &by_c}});
    CHECK(view.entries.size() == 4);
    CHECK(entry_called(view, "far").mtime == 300);
    CHECK_FALSE(entry_called(view, "nothing").mtime);
    CHECK(entry_called(view, "near").mtime == catalog.folder_mtime("near"));
    const auto fetched = catalog.find_in(store::Where::downloads, "fetched/a").file;
    REQUIRE(fetched);
    CHECK(entry_called(view, "fetched").mtime == fetched->stamp.mtime_s());
    const ToldRows newer{folder("fetched", 1LL << 40)};
    CHECK(entry_called(list({{&b, false, true, false, &newer}}), "fetched").mtime == 1LL << 40);
}

}  // namespace shoal::peer
