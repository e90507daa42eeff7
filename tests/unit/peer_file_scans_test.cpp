// FileScans: what a host says of its own files to a search.
#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "../support/store_fixture.hpp"
#include "peer/file_scans.hpp"
#include "shoal/base/limits.hpp"

namespace shoal::peer {
namespace {

FileScans::Finished scanned(const store::Catalog& catalog, const std::string& pattern,
                            Duration left = std::chrono::seconds(4)) {
    FileScans scans{Offers(catalog)};
    overlay::Question question;
    question.pattern = pattern;
    const TimePoint now{std::chrono::hours(1)};
    REQUIRE(scans.add({}, std::move(*overlay::Matcher::make(question)), now + left));
    for (int turn = 0; turn < 100'000; ++turn) {
        if (const auto finished = scans.work(now)) {
            return *finished;
        }
    }
    FAIL("it does not end");
    return {};
}

std::vector<std::string> names(const std::vector<store::CatalogRecord>& records) {
    std::vector<std::string> list;
    for (const store::CatalogRecord& record : records) {
        list.push_back(record.name);
    }
    return list;
}

using Names = std::vector<std::string>;

TEST_CASE("what is not hashed yet is told as pending, by name and size", "[search]") {
    test::StoreFixture store;
    store.dir.write("shared/a/one", "1");
    store.dir.write("shared/a/empty", "");
    store.dir.write("shared/b", "2");
    store.reopen();
    const auto before = scanned(store->catalog(), "a/");
    CHECK(before.found.empty());
    CHECK(names(before.pending) == Names{"a/empty", "a/one"});
    CHECK(before.pending[1].id.size == 1);
    CHECK(before.all);
    store.settle();
    const auto after = scanned(store->catalog(), "a/");
    CHECK(names(after.found) == Names{"a/empty", "a/one"});
    CHECK(after.pending.empty());
    store->catalog().put_pending(store::Where::shared, *store::SafePath::parse("a/new"));
    const auto both = scanned(store->catalog(), "a/");
    CHECK(names(both.found) == Names{"a/empty", "a/one"});
    CHECK(names(both.pending) == Names{"a/new"});
}

TEST_CASE("many pending ones do not hide what is hashed", "[search]") {
    test::StoreFixture store;
    store.dir.write("shared/z", "last of all");
    store.reopen();
    store.settle();
    for (std::size_t n = 0; n < limits::hits_per_host_max + 5; ++n) {
        store->catalog().put_pending(store::Where::shared,
                                     *store::SafePath::parse("a" + std::to_string(n)));
    }
    const auto finished = scanned(store->catalog(), "");
    CHECK(names(finished.found) == Names{"z"});
    CHECK(finished.pending.size() == limits::hits_per_host_max);
    CHECK(finished.more);
}

TEST_CASE("a host that cannot see all of its files says so", "[search]") {
    test::StoreFixture store;
    store.dir.write("shared/a", "a");
    store.reopen();
    store.settle();
    CHECK(scanned(store->catalog(), "b").all);
    CHECK_FALSE(scanned(store->catalog(), "b", Duration::zero()).all);  // nobody has looked
    store->catalog().set_scanning(true);
    CHECK_FALSE(scanned(store->catalog(), "b").all);
    store->catalog().set_scanning(false);
    store->catalog().put_unseen(store::Where::shared, "closed/");
    CHECK_FALSE(scanned(store->catalog(), "b").all);
}

}  // namespace
}  // namespace shoal::peer
