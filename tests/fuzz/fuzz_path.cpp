// A path from arbitrary bytes. What is accepted cannot leave a folder, whoever reads it, and
// the names made up from it are single components of their own.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "shoal/base/limits.hpp"
#include "shoal/base/text.hpp"
#include "shoal/store/safe_path.hpp"
#include "store/file_names.hpp"

namespace {

using namespace shoal;
namespace names = store::file_names;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void check_component(std::string_view name) {
    require(!name.empty() && name.size() <= limits::path_component_max && name[0] != '.');
    require(name.find_first_of(std::string_view("/\\\0", 3)) == name.npos);
    require(text::is_utf8(name));
}

void check_made_up(std::string_view name) {
    integrity::Digest root;
    root.bytes.fill(static_cast<std::uint8_t>(name.size()));
    for (const std::string& part : {names::part(name, root), names::part_of_version(name, root)}) {
        check_component(part);
        check_component(names::journal(part));
        require(names::is_like_own(part) && names::is_like_own(names::journal(part)));
        require(names::part_of_journal(names::journal(part)) == part);
    }
    check_component(names::numbered(name, 1));
    check_component(names::numbered(name, 99'999));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto path = store::SafePath::parse(text);
    const auto prefix = store::parse_prefix(std::string(text) + "/");
    require(path.ok() == prefix.ok());
    if (!path) {
        require(text::escape(path.error().message) == path.error().message);
        return 0;
    }
    require(path->text() == text && text.size() <= limits::path_max);
    std::string_view rest = text;
    for (std::size_t slash = rest.find('/'); slash != rest.npos; slash = rest.find('/')) {
        check_component(rest.substr(0, slash));
        rest.remove_prefix(slash + 1);
    }
    check_component(rest);
    require(path->name() == rest);
    check_made_up(path->name());
    return 0;
}
