"""One BitTorrent host by python3-libtorrent, tuned for a local network.

    torrent_host.py make FILE TORRENT
    torrent_host.py seed TORRENT FOLDER ADDRESS
    torrent_host.py fetch TORRENT FOLDER ADDRESS [--stay] PEER...

fetch ends when the file is complete; with --stay it says `done` and seeds on."""
import sys
import time

import libtorrent


def make(source, target):
    storage = libtorrent.file_storage()
    libtorrent.add_files(storage, source)
    torrent = libtorrent.create_torrent(storage, piece_size=256 * 1024)
    libtorrent.set_piece_hashes(torrent, source.rpartition("/")[0] or ".")
    torrent_bytes = libtorrent.bencode(torrent.generate())
    with open(target, "wb") as file:
        file.write(torrent_bytes)


def session(address):
    return libtorrent.session({
        "listen_interfaces": f"{address}:6881", "enable_dht": False, "enable_lsd": False,
        "enable_upnp": False, "enable_natpmp": False, "enable_incoming_utp": False,
        "enable_outgoing_utp": False, "allow_multiple_connections_per_ip": True,
        "unchoke_slots_limit": 16, "connection_speed": 100, "alert_mask": 0})


def start(torrent, folder, address, seed):
    here = session(address)
    parameters = libtorrent.add_torrent_params()
    parameters.ti = libtorrent.torrent_info(torrent)
    parameters.save_path = folder
    parameters.flags &= ~libtorrent.torrent_flags.auto_managed
    parameters.flags &= ~libtorrent.torrent_flags.paused
    if seed:
        parameters.flags |= libtorrent.torrent_flags.seed_mode
    return here, here.add_torrent(parameters)


def main():
    verb, torrent, *rest = sys.argv[1:]
    if verb == "make":
        return make(torrent, rest[0])
    here, handle = start(torrent, rest[0], rest[1], verb == "seed")
    if verb == "seed":
        time.sleep(3600)
    stay = "--stay" in rest
    for peer in rest[2:]:
        if peer != "--stay":
            handle.connect_peer((peer, 6881))
    while not handle.is_seed():
        time.sleep(0.005)
    if stay:
        print("done", flush=True)
        time.sleep(3600)
    return 0


if __name__ == "__main__":
    sys.exit(main())
