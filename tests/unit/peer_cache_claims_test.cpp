// CacheClaims: what processes that share a folder tell each other of the cache.
#include <catch2/catch.hpp>

#include <optional>
#include <thread>

#include "../support/temp_dir.hpp"
#include "peer/cache_claims.hpp"

namespace shoal::peer {
namespace {

TEST_CASE("what is claimed is read until it is forgotten") {
    const test::TempDir dir;
    const CacheClaims claims(dir.path());
    CHECK(claims.lock()->needless());
    REQUIRE(claims.prepare());
    {
        auto lock = claims.lock();
        REQUIRE(lock);
        CHECK_FALSE(lock->needless());
        CHECK(lock->claimed()->empty());
        REQUIRE(lock->claim("a\nb"));
        REQUIRE(lock->claim("c"));
    }
    REQUIRE(claims.prepare());
    auto lock = claims.lock();
    CHECK(*lock->claimed() == std::vector<std::string>{"a\nb", "c"});
    lock->forget();
    CHECK(lock->claimed()->empty());
}

TEST_CASE("nobody claims while the gateway removes") {
    const test::TempDir dir;
    const CacheClaims claims(dir.path());
    REQUIRE(claims.prepare());
    std::optional<CacheClaims::Lock> removing = std::move(*claims.lock());
    bool claimed = false;
    std::thread user([&] { claimed = claims.lock()->claim("a").ok(); });
    CHECK(removing->claimed()->empty());
    removing.reset();
    user.join();
    CHECK(claimed);
    CHECK(claims.lock()->claimed()->size() == 1);
}

}  // namespace
}  // namespace shoal::peer
