// The store: starting with 100,000 files, memory for each, saving small files.
//
//   bench_store [FOLDER]     /dev/shm by default: what the code costs, not the disk
#include <malloc.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "../support/temp_dir.hpp"
#include "shoal/store/store.hpp"

using namespace shoal;

namespace {

constexpr std::size_t start_files = 100'000;
constexpr std::size_t small_files = 20'000;

double seconds_since(TimePoint begun) {
    return std::chrono::duration<double>(steady_now() - begun).count();
}

std::unique_ptr<store::Store> open_store(const test::TempDir& dir) {
    return store::Store::open({dir / "shared", dir / "downloads", dir / ".shoal", true, true})
        .value();
}

void bench_start(const test::TempDir& dir) {
    for (std::size_t i = 0; i < start_files; ++i) {
        const std::string folder = "shared/some-folder-" + std::to_string(i / 1000);
        if (i % 1000 == 0) {
            std::filesystem::create_directories(dir / folder);
        }
        std::ofstream(dir / (folder + "/a-file-with-a-name-" + std::to_string(i))) << i;
    }
    {
        const TimePoint begun = steady_now();
        const auto store = open_store(dir);
        std::printf("cold: scan of %zu files %.2f s\n", start_files, seconds_since(begun));
        while (store->work(steady_now())) {
        }
        std::printf("cold: scan and hash %.2f s\n", seconds_since(begun));
    }
    ::malloc_trim(0);
    const std::size_t before = ::mallinfo2().uordblks;
    const TimePoint begun = steady_now();
    const auto store = open_store(dir);
    const double opened = seconds_since(begun);
    const std::size_t bytes = ::mallinfo2().uordblks - before;
    std::printf("warm: index and scan %.2f s, %zu files known, %zu bytes a file\n", opened,
                static_cast<std::size_t>(store->catalog().totals().files), bytes / start_files);
    const TimePoint paged = steady_now();
    std::string after;
    std::size_t records = 0;
    for (;;) {
        const auto page = store->catalog().page("", after, 500);
        if (page.empty()) {
            break;
        }
        records += page.size();
        after = page.back().name;
    }
    std::printf("all pages of 500: %zu records in %.3f s\n", records, seconds_since(paged));
    const TimePoint saved = steady_now();
    (void)store->save_index();
    std::printf("index saved in %.3f s\n", seconds_since(saved));
}

void bench_small(const test::TempDir& dir) {
    const auto store = open_store(dir);
    std::vector<store::SmallFile> files;
    for (std::size_t i = 0; i < small_files; ++i) {
        auto bytes = test::random_content(4096, i);
        integrity::TreeHasher hasher(bytes.size());
        hasher.update(bytes);
        files.push_back(
            {store::SafePath::parse("d" + std::to_string(i / 500) + "/small-" + std::to_string(i))
                 .value(),
             hasher.finish().id, std::move(bytes)});
    }
    const TimePoint begun = steady_now();
    std::size_t good = 0;
    for (const Status& status : store->save_small(files)) {
        good += status.ok() ? 1 : 0;
    }
    const double seconds = seconds_since(begun);
    std::printf("save_small: %zu files of 4 KiB, %.0f a second\n", good,
                static_cast<double>(good) / seconds);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string base = argc > 1 ? argv[1] : "/dev/shm";
    {
        const test::TempDir dir(base);
        bench_start(dir);
    }
    const test::TempDir dir(base);
    bench_small(dir);
}
