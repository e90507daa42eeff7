// What gateways ask of the door.
#include "peer/door.hpp"

namespace shoal::peer {

namespace {
Error none() { return {ErrorKind::busy, "this peer cannot do that"}; }
}  // namespace

void Door::browse(std::string, Callback<FolderViewPtr> answer) { answer(none()); }
void Door::lookup(std::string, Callback<TreeEntry> answer) { answer(none()); }
void Door::open(OpenOrder, std::function<void()>, Callback<ReadStreamPtr> answer) {
    answer(none());
}
void Door::upload(UploadOrder, Callback<UploadPtr> answer) { answer(none()); }
void Door::remove(std::string, Callback<void> answer) { answer(none()); }
void Door::make_folder(std::string, Callback<void> answer) { answer(none()); }
void Door::remove_folder(std::string, Callback<void> answer) { answer(none()); }
void Door::rename(std::string, std::string, bool, Callback<void> answer) { answer(none()); }
void Door::set_mtime(std::string, std::int64_t, Callback<void> answer) { answer(none()); }
Ticket Door::sha256(std::string, std::uint64_t, std::uint64_t, Callback<std::string> answer) {
    answer(none());
    return nullptr;
}
std::uint32_t Door::hosts_connected() const {
    return static_cast<std::uint32_t>(wiring_.figures.servers.load());
}

}  // namespace shoal::peer
