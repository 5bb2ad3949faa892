"""A machine with a real systemd, in namespaces of its own: this machine's
programs over a throw-away layer, so nothing that is written in it stays.

    with contextlib.closing(Machine(folder).start()) as m:
        m.run("systemctl start postgresql@15-main")

Its process 1 is Debian's systemd, and with it all units end.  Where that can't
be had (no root, no namespaces, no systemd) NotAllowed says why.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess

from . import ROOT, BUILD, consul, net, process
from .netns import NotAllowed

SYSTEMD = "/lib/systemd/systemd"

# In the new namespaces.  What the tests need may be on other file systems than
# the root, which the layer does not show.
BOOT = r"""
set -eu
lab=$1; shift
mount --make-rprivate /
mount -t tmpfs tmpfs "$lab"
mkdir "$lab/up" "$lab/work" "$lab/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$lab/up,workdir=$lab/work" \
    "$lab/root"
root=$lab/root
for d in tmp run; do mount -t tmpfs -o mode=1777 tmpfs "$root/$d"; done
chmod 755 "$root/run"
for d; do
	mkdir -p "$root$d"; mount --rbind "$d" "$root$d"
done
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for d in null zero full random urandom tty; do
	touch "$root/dev/$d"; mount --bind "/dev/$d" "$root/dev/$d"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts devpts "$root/dev/pts" -o newinstance,ptmxmode=0666
ln -s pts/ptmx "$root/dev/ptmx"; ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ip link set lo up
hostname consul-failover-lab
# Nothing of this machine's own is started but what a test starts.
mkdir -p "$root/run/systemd/system"
rm -f "$root"/etc/systemd/system/*.wants/*.service
cd "$root"; mkdir -p oldroot; pivot_root . oldroot; umount -l /oldroot
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin """ + SYSTEMD


def _cgroup():
    """A new one for all of the machine."""
    top = pathlib.Path("/sys/fs/cgroup")
    if (top / "unified").is_dir():
        top = top / "unified"
    if not (top / "cgroup.procs").exists():
        raise NotAllowed("no second version of cgroups here")
    folder = top / f"consul-failover-lab-{os.getpid()}"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as e:
        raise NotAllowed(f"no cgroup can be made here: {e}") from None
    return folder


class Machine:
    """place: a netns.Place, where it is on the wire; else it has no network."""

    def __init__(self, folder, place=None):
        self.folder, self.place = pathlib.Path(folder), place
        self.log = self.folder / "machine.log"
        self.popen = self.init = None
        if os.getuid() != 0:
            raise NotAllowed("a machine of its own takes root")
        if not os.access(SYSTEMD, os.X_OK):
            raise NotAllowed("systemd is not installed")
        self.cgroup = _cgroup()

    def start(self):
        program = pathlib.Path(shutil.which(consul.PROGRAM)).resolve()
        mounts = [ROOT, BUILD, program.parent]
        lab = self.folder / "layer"
        lab.mkdir()

        def enter():
            process.die_with_parent()
            (self.cgroup / "cgroup.procs").write_text("0")
        with self.place or contextlib.nullcontext(), open(self.log, "ab") as log:
            self.popen = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--fork", "--kill-child",
                 *(() if self.place else ("--net",)), "--uts", "--ipc",
                 "--cgroup", "bash", "-c", BOOT, "boot", lab,
                 *dict.fromkeys(str(m) for m in mounts)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=enter)
        try:
            net.wait_for("systemd answers", self._up, 60, 0.2)
        except (TimeoutError, NotAllowed) as e:
            self.close()
            raise NotAllowed(f"no systemd of its own here: {e}\n"
                             f"{self.log.read_text()[-500:]}") from None
        return self

    def _up(self):
        if self.popen.poll() is not None:
            raise NotAllowed("it has ended")
        children = process.children(self.popen.pid)
        self.init = children[0][0] if children else None
        return self.init and self.call("systemctl is-system-running")[1] in (
            "running", "degraded")

    def call(self, command, input="", user=None):
        """A shell command in it: (exit status, what it prints)."""
        words = ["setpriv", "--reuid", user, "--regid", user,
                 "--init-groups"] if user else []
        done = subprocess.run(
            ["nsenter", "-t", str(self.init), "-m", "-u", "-i", "-n", "-p",
             "-C", "-r", "-w", "env", "-i", "HOME=/root", "LANG=C.UTF-8",
             "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
             "/bin", *words, "bash", "-c", command], input=input, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        return done.returncode, done.stdout.strip()

    def run(self, command, **more):
        """One that must work; what it prints."""
        status, said = self.call(command, **more)
        assert status == 0, f"{command}: {said}"
        return said

    def write(self, path, text):
        self.run(f"mkdir -p $(dirname {path}) && cat >{path}", input=text)

    def property(self, unit, name):
        return self.run(f"systemctl show -p {name} --value {unit}")

    def wait_off(self, seconds=90):
        """Somebody in it has said "systemctl poweroff"."""
        self.popen.wait(seconds)
        self.init = None

    def close(self):
        """Process 1 of it is killed, and with it all that is in it."""
        if self.init:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.init, signal.SIGKILL)
        if self.popen:
            with contextlib.suppress(ProcessLookupError):
                self.popen.kill()
            self.popen.wait()

        def gone():
            # The kernel takes the dead out of it by and by.
            for folder, _, _ in os.walk(self.cgroup, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
            return not self.cgroup.exists()
        with contextlib.suppress(TimeoutError):
            net.wait_for("its cgroup is gone", gone, 10)
