// Which front end a command has.
#include <unistd.h>

#include "get_command.hpp"
#include "list_command.hpp"
#include "pipe_prompt.hpp"
#include "search_command.hpp"
#include "serve_command.hpp"
#include "shoal/cli/commands.hpp"
#include "terminal_prompt.hpp"

namespace shoal::cli {

std::unique_ptr<peer::FrontEnd> make_front_end(const Options& options) {
    switch (options.command) {
        case Command::serve:
            return std::make_unique<ServeCommand>(options);
        case Command::get:
            return std::make_unique<GetCommand>(options);
        case Command::list:
            return std::make_unique<ListCommand>(options);
        case Command::search:
            return std::make_unique<SearchCommand>(options);
        default:
            break;
    }
    const bool keyboard = ::isatty(STDIN_FILENO) == 1 && can_draw(STDOUT_FILENO);
    if (keyboard && !options.json) {
        return std::make_unique<TerminalPrompt>(options);
    }
    return std::make_unique<PipePrompt>(options);
}

}  // namespace shoal::cli
