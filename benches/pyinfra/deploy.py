"""The same job as a pyinfra deploy: every fact is read once per host and run, no operation runs that need not."""

import hashlib
import json
import os
from io import StringIO
from pathlib import Path

from pyinfra import config, host
from pyinfra.api import FactBase
from pyinfra.facts.deb import DebPackages
from pyinfra.facts.files import Md5File
from pyinfra.operations import apt, files, server, systemd

config.SUDO = True

HERE = Path(__file__).parent
FILES = HERE.parent / "files"
BROKERS = ["node1", "node2", "node3"]  # the order of joining
CLUSTER_NAME = "bench"
SEED = f"rabbit@{BROKERS[0]}"
COOKIE = Path(os.environ["BENCH_COOKIE"]).read_text()
COOKIE_FILE = "/var/lib/rabbitmq/.erlang.cookie"


class ClusterStatus(FactBase):
    """What the node on this host says of its cluster; nothing where no broker runs."""

    def command(self):
        return "systemctl -q is-active rabbitmq-server && rabbitmqctl -q cluster_status --formatter json || true"

    def process(self, output):
        text = "".join(output)
        return json.loads(text) if text else None


class BackendsUp(FactBase):
    """Whether HAProxy on this host has no server that is not UP."""

    def command(self):
        return (
            "python3 -c 'import socket, sys; s = socket.socket(socket.AF_UNIX); "
            's.connect("/run/haproxy/admin.sock"); s.sendall(b"show stat\\n"); print(s.makefile().read())\' 2>/dev/null || true'
        )

    def process(self, output):
        rows = [line.split(",") for line in output if line and not line.startswith("#")]
        states = [row[17] for row in rows if len(row) > 17 and row[1] not in ("FRONTEND", "BACKEND")]
        return bool(states) and all(state == "UP" for state in states)


def put(file, dest, **arguments):
    return files.put(name=f"Write {dest}", src=str(FILES / file), dest=dest, **arguments)


is_broker = host.name in BROKERS
packages = ["chrony", "rabbitmq-server" if is_broker else "haproxy"]

server.hostname(name="Set the host name", hostname=host.name)
files.line(name="Drop the loopback alias", path="/etc/hosts", line=r"^127\.0\.1\.1\s.*", present=False)
files.block(name="Write the block of /etc/hosts", path="/etc/hosts", content=(FILES / "hosts").read_text().strip())

installed = host.get_fact(DebPackages)
if any(package not in installed for package in packages):
    files.put(
        name="Keep packages from starting services",
        src=StringIO("#!/bin/sh\nexit 101\n"),
        dest="/usr/sbin/policy-rc.d",
        mode="755",
    )
    apt.packages(name="Install", packages=packages, update=True, no_recommends=True)
    files.file(name="Let packages start services again", path="/usr/sbin/policy-rc.d", present=False, force=True)

# What this very run starts need not be restarted for its new configuration.
chrony = put("chrony.broker.conf" if is_broker else "chrony.balancer.conf", "/etc/chrony/chrony.conf", mode="644")
systemd.service(name="Start the time service", service="chrony", running=True, enabled=True)
if "chrony" in installed:
    systemd.service(name="Restart the time service", service="chrony", restarted=True, _if=chrony.did_change)

if is_broker:
    status = host.get_fact(ClusterStatus)
    digest = hashlib.md5(COOKIE.encode()).hexdigest()
    cookie_was_right = host.get_fact(Md5File, path=COOKIE_FILE) == digest
    cookie = files.put(
        name="Copy the Erlang cookie",
        src=StringIO(COOKIE),
        dest=COOKIE_FILE,
        user="rabbitmq",
        group="rabbitmq",
        mode="400",
    )
    if not cookie_was_right:
        server.shell(
            name="The cookie is the same everywhere",
            commands=[f"echo '{digest}  {COOKIE_FILE}' | md5sum --quiet -c -"],
        )
    settings = put("rabbitmq.conf", "/etc/rabbitmq/rabbitmq.conf", mode="644")
    plugins = put(
        "enabled_plugins", "/etc/rabbitmq/enabled_plugins", user="rabbitmq", group="rabbitmq", mode="644"
    )
    systemd.service(name="Start the broker", service="rabbitmq-server", running=True, enabled=True)
    if status:
        systemd.service(
            name="Restart the broker",
            service="rabbitmq-server",
            restarted=True,
            _serial=True,
            _if=lambda: cookie.did_change() or settings.did_change() or plugins.did_change(),
        )
    # One operation per joiner keeps the order, which `_serial` does not promise.
    for joiner in host.loop(BROKERS[1:]):
        if host.name == joiner and not (status and SEED in status["disk_nodes"]):
            server.shell(
                name=f"Join {joiner}",
                commands=[
                    "rabbitmqctl -q stop_app",
                    f"rabbitmqctl -q join_cluster {SEED}",
                    "rabbitmqctl -q start_app",
                ],
            )
    if host.name == BROKERS[0] and not (status and status["cluster_name"] == CLUSTER_NAME):
        server.shell(name="Name the cluster", commands=[f"rabbitmqctl -q set_cluster_name {CLUSTER_NAME}"])
    verified = status and len(status["running_nodes"]) == len(BROKERS) and not (status["partitions"] or status["alarms"])
else:
    balancer = put("haproxy.cfg", "/etc/haproxy/haproxy.cfg", mode="644")
    server.shell(
        name="Validate the configuration",
        commands=["haproxy -c -q -f /etc/haproxy/haproxy.cfg"],
        _if=balancer.did_change,
    )
    systemd.service(name="Start HAProxy", service="haproxy", running=True, enabled=True)
    if "haproxy" in installed:
        systemd.service(name="Reload HAProxy", service="haproxy", reloaded=True, _if=balancer.did_change)
    verified = host.get_fact(BackendsUp)

# One operation for all hosts: so it waits for what came before on every one of them.
if not verified:
    server.script(
        name="Verify",
        src=str(FILES / ("members-running.sh" if is_broker else "backends-up.sh")),
        args=tuple(BROKERS) if is_broker else (),
    )
