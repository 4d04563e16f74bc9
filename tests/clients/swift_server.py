"""OpenStack Swift with its S3 interface, whole, in one process: `swift_server.py FOLDER PORT`. Run by the Python that has it.

Its proxy, its servers of accounts, containers and objects, and one device in the folder, which must be on a file system with
extended attributes. It checks every signature.
"""

import sys
from pathlib import Path

import eventlet
import eventlet.wsgi

eventlet.monkey_patch()

from paste.deploy import loadapp  # noqa: E402  All that follows must find the sockets of eventlet.
from swift.common import utils  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.storage_policy import reload_storage_policies  # noqa: E402

# The S3 interface needs `slo` for objects in parts and `listing_formats` for lists.
PIPELINE = "catch_errors gatekeeper cache listing_formats s3api tempauth copy slo proxy-server"
PROXY = f"""
[DEFAULT]
swift_dir = {{folder}}
[pipeline:main]
pipeline = {PIPELINE}
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_test_sage = secret+of/the/tests .admin
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
error_suppression_limit = 1
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
"""
BACKEND = """
[DEFAULT]
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""


def serve(folder: Path, kind: str, port: int) -> int:
    conf = folder / f"{kind}.conf"
    conf.write_text((PROXY if kind == "proxy" else BACKEND).format(folder=folder, kind=kind))
    listener = eventlet.listen(("127.0.0.1", port))
    eventlet.spawn(eventlet.wsgi.server, listener, loadapp(f"config:{conf}", name="main"), log_output=False)
    return int(listener.getsockname()[1])


def write_ring(folder: Path, name: str, port: int) -> None:
    ring = RingBuilder(1, 1, 1)
    ring.add_dev({"id": 0, "region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "disk", "weight": 1})
    ring.rebalance()
    ring.get_ring().save(str(folder / f"{name}.ring.gz"))


def main(folder: Path, port: int) -> None:
    (folder / "devices" / "disk").mkdir(parents=True)
    utils.SWIFT_CONF_FILE = str(folder / "swift.conf")
    (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = tests\n")
    utils.validate_hash_conf()
    reload_storage_policies()
    for kind in ("account", "container", "object"):
        write_ring(folder, kind, serve(folder, kind, 0))
    serve(folder, "proxy", port)
    while True:
        eventlet.sleep(3600)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
