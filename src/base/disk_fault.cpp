#include "shoal/base/disk_fault.hpp"

#include <cerrno>
#include <optional>

#include "shoal/base/guarded.hpp"
#include "shoal/base/log.hpp"
#include "shoal/base/result.hpp"
#include "shoal/base/text.hpp"
#include "shoal/base/time.hpp"

namespace shoal {

namespace {
constexpr Duration warn_every = 10s;
}

bool is_disk_fault(int error_number) {
    switch (error_number) {
        case EIO:
        case ESTALE:
        case EUCLEAN:
        case EBADMSG:
        case EREMOTEIO:
        case ENXIO:
        case ENODEV:
        case ENOMEM:
            return true;
        default:
            return false;
    }
}

void warn_of_disk(std::string_view name, int error_number) {
    static Guarded<std::optional<TimePoint>> warned;
    const TimePoint now = steady_now();
    const bool due = warned.with([now](std::optional<TimePoint>& last) {
        const bool again = !last || now - *last >= warn_every;
        last = again ? now : *last;
        return again;
    });
    if (due) {
        const std::string what = "cannot read '" + text::escape(name) + "', which is asked for";
        log::warning(system_error(what, error_number).message + "; look after the disk");
    }
}

}  // namespace shoal
