// The journal's bytes: torn anywhere it stays readable and promises only what was synced.
#include <catch2/catch.hpp>

#include "../support/store_fixture.hpp"
#include "store/journal.hpp"

using namespace shoal;
using namespace shoal::store;

namespace {

struct Written {
    std::vector<std::uint8_t> bytes;
    std::size_t head_size{};
    std::vector<std::pair<std::size_t, Bitmap>> after;  // end of each record, held from then on
};

integrity::FileTree sample_tree() { return test::tree_of(test::random_content(600'000, 1)); }

// Each pair is one record.
Written journal_with(const integrity::FileTree& tree,
                     const std::vector<std::pair<std::uint32_t, std::uint32_t>>& runs) {
    Written journal;
    journal.bytes =
        encode_journal_head({{1, 2}, {3, 4}}, test::safe("a/name.bin"), tree.id, tree.chunk_hashes);
    journal.head_size = journal.bytes.size();
    Bitmap held(tree.chunk_hashes.size());
    std::uint64_t number = 0;
    for (const auto& [first, count] : runs) {
        std::vector<ChunkIndex> chunks;
        for (std::uint32_t i = 0; i < count; ++i) {
            chunks.push_back({first + i});
            held.set(first + i);
        }
        const auto record = encode_journal_records(tree.id, number++, chunks);
        REQUIRE(record.size() == journal_record_size);
        journal.bytes.insert(journal.bytes.end(), record.begin(), record.end());
        journal.after.emplace_back(journal.bytes.size(), held);
    }
    return journal;
}

}  // namespace

TEST_CASE("a journal comes back as it was written", "[store][journal]") {
    const auto tree = sample_tree();
    const auto journal = journal_with(tree, {{3, 2}, {0, 1}, {9, 1}});
    const auto read = decode_journal(journal.bytes);
    REQUIRE(read.has_value());
    CHECK(read->name.text() == "a/name.bin");
    CHECK(read->id == tree.id);
    CHECK(read->chunk_hashes == tree.chunk_hashes);
    CHECK(read->records == 3);
    CHECK(read->held.wire() == journal.after.back().second.wire());
}

TEST_CASE("chunks are joined to runs", "[store][journal]") {
    const auto tree = sample_tree();
    const auto records = encode_journal_records(tree.id, 0, {{7}, {2}, {1}, {3}, {9}});
    CHECK(records.size() == 3 * journal_record_size);
    auto bytes = encode_journal_head({{1, 2}, {3, 4}}, test::safe("n"), tree.id, tree.chunk_hashes);
    bytes.insert(bytes.end(), records.begin(), records.end());
    CHECK(decode_journal(bytes)->held.count() == 5);
}

TEST_CASE("a journal torn at any byte promises what was whole", "[store][journal]") {
    const auto tree = sample_tree();
    const auto journal = journal_with(tree, {{3, 2}, {0, 1}, {9, 1}, {5, 1}});
    for (std::size_t size = 0; size <= journal.bytes.size(); ++size) {
        CAPTURE(size);
        const auto read = decode_journal(std::span(journal.bytes).first(size));
        if (size < journal.head_size) {
            REQUIRE_FALSE(read.has_value());
            continue;
        }
        REQUIRE(read.has_value());
        Bitmap expected(tree.chunk_hashes.size());
        for (const auto& [end, held] : journal.after) {
            expected = end <= size ? held : expected;
        }
        REQUIRE(read->held.wire() == expected.wire());
    }
}

TEST_CASE("a journal with any byte changed never promises more", "[store][journal]") {
    const auto tree = sample_tree();
    const auto journal = journal_with(tree, {{3, 2}, {0, 1}, {9, 1}});
    const Bitmap& most = journal.after.back().second;
    for (std::size_t at = 0; at < journal.bytes.size(); ++at) {
        auto bytes = journal.bytes;
        bytes[at] ^= static_cast<std::uint8_t>(1U << (at % 8));
        const auto read = decode_journal(bytes);
        CAPTURE(at);
        REQUIRE((at >= journal.head_size) == read.has_value());
        for (std::size_t chunk = 0; read && chunk < most.size(); ++chunk) {
            REQUIRE((!read->held.test(chunk) || most.test(chunk)));
        }
        if (read) {
            REQUIRE(read->records == (at - journal.head_size) / journal_record_size);
        }
    }
}

TEST_CASE("records of another file or place do not count", "[store][journal]") {
    const auto tree = sample_tree();
    auto other = tree;
    other.id.root.bytes[0] ^= 1;
    const auto foreign = encode_journal_records(other.id, 0, {{0}});
    const auto misplaced = encode_journal_records(tree.id, 1, {{0}});
    for (const auto& record : {foreign, misplaced}) {
        auto bytes =
            encode_journal_head({{1, 2}, {3, 4}}, test::safe("n"), tree.id, tree.chunk_hashes);
        bytes.insert(bytes.end(), record.begin(), record.end());
        REQUIRE(decode_journal(bytes).has_value());
        CHECK(decode_journal(bytes)->held.count() == 0);
    }
}

TEST_CASE("chunk hashes that do not give the root are refused", "[store][journal]") {
    auto tree = sample_tree();
    std::swap(tree.chunk_hashes[0], tree.chunk_hashes[1]);
    CHECK_FALSE(decode_journal(
        encode_journal_head({{1, 2}, {3, 4}}, test::safe("n"), tree.id, tree.chunk_hashes)));
}
