// A journal from arbitrary bytes, once as the whole and once as records behind a sound head.
// Whatever they are: what is read is bounded, proven by its root, and means the same when it is
// written again; a shorter journal never promises more.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "shoal/base/limits.hpp"
#include "store/journal.hpp"

namespace {

using namespace shoal;
using store::Journal;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

struct Sound {
    integrity::FileTree tree;
    std::vector<std::uint8_t> head;
};

const Sound& sound() {
    static const Sound instance = [] {
        const std::vector<std::uint8_t> content(20 * limits::chunk_size_min, 7);
        integrity::TreeHasher hasher(content.size());
        hasher.update(content);
        Sound made{hasher.finish(), {}};
        made.head =
            store::encode_journal_head({{1, 2}, {3, 4}}, store::SafePath::parse("a/b").value(),
                                       made.tree.id, made.tree.chunk_hashes);
        return made;
    }();
    return instance;
}

std::vector<ChunkIndex> chunks_of(const Bitmap& held) {
    std::vector<ChunkIndex> chunks;
    for (std::uint32_t chunk = 0; chunk < held.size(); ++chunk) {
        if (held.test(chunk)) {
            chunks.push_back({chunk});
        }
    }
    return chunks;
}

void check(const Journal& journal) {
    const integrity::Geometry geometry(journal.id.size);
    require(journal.id.size <= limits::file_size_max);
    require(journal.chunk_hashes.size() == geometry.chunk_count());
    require(integrity::file_root(journal.chunk_hashes, geometry) == journal.id.root);
    require(journal.held.size() == geometry.chunk_count());

    auto again =
        store::encode_journal_head(journal.owner, journal.name, journal.id, journal.chunk_hashes);
    const auto records = store::encode_journal_records(journal.id, 0, chunks_of(journal.held));
    again.insert(again.end(), records.begin(), records.end());
    const auto read = store::decode_journal(again);
    require(read && read->name == journal.name && read->id == journal.id);
    require(read->held.wire() == journal.held.wire());
}

void feed(std::span<const std::uint8_t> bytes) {
    const auto journal = store::decode_journal(bytes);
    if (!journal) {
        return;
    }
    check(*journal);
    for (const std::size_t cut : {std::size_t{1}, bytes.size() / 2}) {
        const auto shorter = store::decode_journal(bytes.first(bytes.size() - cut));
        for (std::uint32_t i = 0; shorter && i < journal->held.size(); ++i) {
            require(!shorter->held.test(i) || journal->held.test(i));
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    feed({data, size});
    std::vector<std::uint8_t> with_head = sound().head;
    with_head.insert(with_head.end(), data, data + size);
    require(store::decode_journal(with_head).has_value());
    feed(with_head);
    return 0;
}
