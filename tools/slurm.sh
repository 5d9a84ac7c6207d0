#!/bin/sh
# A Slurm of one node on loopback, for trying plans of futures on a queue; as root.
#   tools/slurm.sh up      starts munge, slurmctld and slurmd and waits until the node is idle
#   tools/slurm.sh down    stops what `up` started and removes its directory
# Debian: munge, slurmctld, slurmd. All files are in $HDLMM_SLURM_DIR (/tmp/hdlmm-slurm by default);
# clients find them by SLURM_CONF, which `up` prints:
#   eval "$(tools/slurm.sh up)"
# In R: future::plan(future.batchtools::batchtools_slurm, template = "tools/slurm.tmpl").
set -eu

dir=${HDLMM_SLURM_DIR:-/tmp/hdlmm-slurm}
node=$(hostname -s)

configure() {
  mkdir -p "$dir/ctld" "$dir/d" "$dir/munge"
  cat > "$dir/slurm.conf" <<EOF
ClusterName=loop
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmUser=root
StateSaveLocation=$dir/ctld
SlurmdSpoolDir=$dir/d
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
MpiDefault=none
NodeName=$node NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
EOF
  echo "CgroupPlugin=cgroup/v1" > "$dir/cgroup.conf"
  dd if=/dev/urandom of="$dir/munge/key" bs=1024 count=1 status=none
  chmod 400 "$dir/munge/key"
  chown -R munge:munge "$dir/munge"
  chmod 755 "$dir" "$dir/munge"
}

up() {
  [ ! -e "$dir" ] || { echo "$dir exists: tools/slurm.sh down first" >&2; exit 1; }
  configure
  export SLURM_CONF="$dir/slurm.conf"
  su -s /bin/sh munge -c "/usr/sbin/munged --socket=$dir/munge/socket \
    --key-file=$dir/munge/key --pid-file=$dir/munge/pid --log-file=$dir/munge/log \
    --seed-file=$dir/munge/seed"
  slurmctld >&2
  slurmd >&2
  for _ in $(seq 40); do
    [ "$(sinfo -h -o %T 2>/dev/null)" = idle ] && break
    sleep 0.5
  done
  sinfo >&2
  [ "$(sinfo -h -o %T)" = idle ] || { echo "the node did not become idle; see $dir" >&2; exit 1; }
  echo "export SLURM_CONF=$dir/slurm.conf"
}

# By the ids that the daemons wrote themselves.
down() {
  for pid in slurmd.pid slurmctld.pid munge/pid; do
    [ ! -s "$dir/$pid" ] || kill "$(cat "$dir/$pid")" 2>/dev/null || true
  done
  sleep 1
  rm -rf "$dir"
}

case ${1:-} in
  up) up ;;
  down) down ;;
  *) echo "usage: tools/slurm.sh up|down" >&2; exit 2 ;;
esac
