# The root of a small machine, and systemd as its first process; see systemd_machine.py, which runs this in namespaces
# of its own. $ROOT is an empty folder to mount on; $PYTHON, $PACKAGES and $SOURCE make /opt/keyhatch.
set -eu
mount --make-rprivate /
mount -t tmpfs -o mode=755 machine "$ROOT"
cd "$ROOT"
mkdir -p usr proc sys dev run tmp var/lib var/log opt/python opt/packages opt/source/gateway etc/systemd/system old
for each in bin sbin lib lib64; do ln -s "usr/$each" "$each"; done

see() { mount --bind "$1" "$2" && mount -o remount,bind,ro "$2"; }
see /usr usr
mount -t tmpfs -o mode=755 local usr/local/bin
see "$PYTHON" opt/python
see "$PACKAGES" opt/packages
see "$SOURCE" opt/source/gateway

mount -t proc proc proc
mount --bind proc/sys proc/sys && mount -o remount,bind,ro proc/sys  # systemd would set the kernel's own limits
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 cgroup sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 dev dev  # where nothing is mounted systemd mounts this machine's own
mkdir dev/shm dev/pts
for each in null zero full random urandom tty; do : >"dev/$each"; mount --bind "/dev/$each" "dev/$each"; done
ln -s pts/ptmx dev/ptmx
for each in fd:fd stdin:fd/0 stdout:fd/1 stderr:fd/2; do ln -s "/proc/self/${each#*:}" "dev/${each%:*}"; done
mount -t tmpfs -o mode=1777 shm dev/shm
mount -t tmpfs -o mode=755 run run
mount -t tmpfs -o mode=1777 tmp tmp

cp /etc/ld.so.cache etc/
echo 'root:x:0:0::/root:/bin/sh' >etc/passwd
echo 'root:x:0:' >etc/group
echo 'passwd: files' >etc/nsswitch.conf
echo 'group: files' >>etc/nsswitch.conf
echo '127.0.0.1 localhost' >etc/hosts
od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >etc/machine-id
cp -R "$FILES/." .

pivot_root . old
umount -l old
mount --make-rshared /  # what systemd makes of a root that is not a container's
exec env -i container=keyhatch-test PATH=/usr/bin:/usr/sbin SYSTEMD_UNIT_PATH=/etc/systemd/system \
    SYSTEMD_GENERATOR_PATH=/nowhere SYSTEMD_LOG_TARGET=journal /lib/systemd/systemd --system --show-status=no
