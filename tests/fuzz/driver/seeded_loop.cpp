// Drives a fuzz target where libFuzzer is absent: replays the inputs it is given, then mutates
// them with a seeded generator, so that a failing run can be repeated.
//
//     fuzz_hosts CORPUS... [-seconds=N | -runs=N] [-seed=S] [-max_len=BYTES]
//
// An input that crashes, trips a sanitizer or takes 30 s is written to crash-HASH.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/base/random.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

using Bytes = std::string;
constexpr unsigned hang_seconds = 30;

struct Options {
    std::vector<std::string> paths;
    std::uint64_t seconds{0};
    std::uint64_t runs{0};  // both 0: replay only
    std::uint64_t seed{shoal::random_seed()};
    std::uint64_t max_len{8192};
};

// What runs now, for the handler to save.
const std::uint8_t* current_data = nullptr;
std::size_t current_size = 0;
std::uint64_t current_run = 0;
std::uint64_t current_seed = 0;

std::uint64_t fnv1a(const std::uint8_t* data, std::size_t size) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (std::size_t i = 0; i < size; ++i) {
        hash = (hash ^ data[i]) * 0x100000001b3ULL;
    }
    return hash;
}

// The process is about to die, its heap may be broken: write(2) and a stack buffer only.
void save_current() {
    std::array<char, 200> text{};
    const auto hash = static_cast<unsigned long long>(fnv1a(current_data, current_size));
    std::snprintf(text.data(), text.size(), "crash-%016llx", hash);
    const int fd = ::open(text.data(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    const bool saved =
        fd >= 0 && ::write(fd, current_data, current_size) == static_cast<ssize_t>(current_size);
    const int length = std::snprintf(
        text.data(), text.size(), "\ncrash: seed %llu, run %llu; input %s crash-%016llx\n",
        static_cast<unsigned long long>(current_seed), static_cast<unsigned long long>(current_run),
        saved ? "saved as" : "could not be saved as", hash);
    static_cast<void>(!::write(STDERR_FILENO, text.data(), static_cast<std::size_t>(length)));
}

void handle_signal(int number) {
    save_current();
    std::signal(number, SIG_DFL);
    ::raise(number);
}

void catch_crashes() {
    static std::array<std::uint8_t, 64 * 1024> stack;  // an overflown stack needs another one
    stack_t alternative{};
    alternative.ss_sp = stack.data();
    alternative.ss_size = stack.size();
    ::sigaltstack(&alternative, nullptr);
    struct sigaction action {};
    action.sa_handler = handle_signal;
    action.sa_flags = SA_ONSTACK;
    for (const int number : {SIGABRT, SIGALRM}) {
        ::sigaction(number, &action, nullptr);
    }
    if (__sanitizer_set_death_callback != nullptr) {  // a sanitizer reports the others better
        __sanitizer_set_death_callback(save_current);
        return;
    }
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP}) {
        ::sigaction(number, &action, nullptr);
    }
}

void run_one(const Bytes& input) {
    // A block of exactly this size, so that reading past its end is seen.
    const auto block = std::make_unique<std::uint8_t[]>(input.size());
    std::copy(input.begin(), input.end(), block.get());
    current_data = block.get();
    current_size = input.size();
    if (current_run++ % 256 == 0) {
        ::alarm(hang_seconds);
    }
    LLVMFuzzerTestOneInput(block.get(), input.size());
}

class Mutator {
  public:
    Mutator(std::uint64_t seed, const std::vector<Bytes>& corpus, std::size_t max_len)
        : random_(seed), corpus_(corpus), max_len_(max_len) {}

    // Some corpus input, changed one to eight times.
    Bytes next() {
        Bytes input = pick();
        for (std::uint64_t changes = 1 + random_.below(8); changes > 0; --changes) {
            mutate(input);
        }
        input.resize(std::min(input.size(), max_len_));
        return input;
    }

  private:
    const Bytes& pick() { return corpus_[random_.below(corpus_.size())]; }
    char byte() { return static_cast<char>(random_.next()); }
    std::size_t below(std::size_t bound) { return random_.below(bound); }

    void mutate(Bytes& input) {
        const std::size_t at = below(input.size() + 1);
        switch (at == input.size() ? 3 + below(3) : below(7)) {
            case 0:
                input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
                break;
            case 1:
                input[at] = byte();
                break;
            case 2:
                input.erase(at, 1 + below(input.size()));
                break;
            case 3:
                input.insert(at, 1 + below(8), byte());
                break;
            case 4:
                input.insert(at, slice(input));
                break;
            case 5:
                input.insert(at, slice(pick()));
                break;
            default:
                overwrite_number(input);
        }
    }

    Bytes slice(const Bytes& from) {
        return from.substr(below(from.size()), 1 + below(from.size()));
    }

    // A number at a limit, little-endian, in 1, 2, 4 or 8 bytes.
    void overwrite_number(Bytes& input) {
        static constexpr std::uint64_t numbers[] = {
            0,          1,          2,           0x7f,       0x80,         0xff,
            0x100,      0x7fff,     0x8000,      0xffff,     0x10000,      0x7fffffff,
            0x80000000, 0xffffffff, 0x100000000, ~0ULL >> 1, ~0ULL - 0xff, ~0ULL};
        const std::uint64_t number = numbers[below(std::size(numbers))];
        const std::size_t width = std::min(input.size(), std::size_t{1} << below(4));
        const std::size_t at = below(input.size() - width + 1);
        for (std::size_t i = 0; i < width; ++i) {
            input[at + i] = static_cast<char>(number >> (8 * i));
        }
    }

    shoal::SmallRandom random_;
    const std::vector<Bytes>& corpus_;
    std::size_t max_len_;
};

bool parse_option(std::string_view word, Options& options) {
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    std::uint64_t* target = name == "-seconds"   ? &options.seconds
                            : name == "-runs"    ? &options.runs
                            : name == "-seed"    ? &options.seed
                            : name == "-max_len" ? &options.max_len
                                                 : nullptr;
    if (target == nullptr || equals == word.npos) {
        return false;
    }
    const char* end = word.data() + word.size();
    const auto parsed = std::from_chars(word.data() + equals + 1, end, *target);
    return parsed.ec == std::errc{} && parsed.ptr == end;
}

std::vector<Bytes> load_corpus(const std::vector<std::string>& paths) {
    std::vector<std::filesystem::path> files;
    for (const std::string& path : paths) {
        if (std::filesystem::is_directory(path)) {
            const std::filesystem::recursive_directory_iterator folder(path);
            std::copy_if(begin(folder), end(folder), std::back_inserter(files),
                         [](const auto& entry) { return entry.is_regular_file(); });
        } else {
            files.emplace_back(path);
        }
    }
    std::sort(files.begin(), files.end());  // the same seed means the same inputs
    std::vector<Bytes> corpus;
    for (const auto& file : files) {
        std::ifstream stream(file, std::ios::binary);
        corpus.emplace_back(std::istreambuf_iterator<char>(stream),
                            std::istreambuf_iterator<char>());
    }
    return corpus;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (!word.starts_with('-')) {
            options.paths.push_back(word);
        } else if (!parse_option(word, options)) {
            std::fprintf(stderr,
                         "%s: unknown option %s; use -seconds=N, -runs=N, -seed=S or "
                         "-max_len=BYTES\n",
                         argv[0], word.c_str());
            return 2;
        }
    }
    current_seed = options.seed;
    catch_crashes();
    std::vector<Bytes> corpus = load_corpus(options.paths);
    std::for_each(corpus.begin(), corpus.end(), run_one);
    corpus.emplace_back();  // the empty input, and the start of all others if there is no corpus
    run_one(corpus.back());

    std::printf("seed %llu\n", static_cast<unsigned long long>(options.seed));
    Mutator mutator(options.seed, corpus, options.max_len);
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::seconds(options.seconds);
    for (std::uint64_t run = 0; run < options.runs || Clock::now() < end; ++run) {
        run_one(mutator.next());
    }
    std::printf("%llu runs\n", static_cast<unsigned long long>(current_run));
    return 0;
}
