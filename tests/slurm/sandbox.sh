#!/usr/bin/env bash
# One-node Slurm on the loopback interface: no systemd, nothing of the system's own configuration touched.
#
#   sandbox.sh start DIR    then: export SLURM_CONF=DIR/slurm.conf
#   sandbox.sh stop DIR
#
# On Debian: apt-get install -y --no-install-recommends slurm-wlm munge
set -euo pipefail
action=$1
dir=$(realpath -m "$2")
pids=("$dir/slurmd.pid" "$dir/slurmctld.pid" "$dir/munge/run/munged.pid")

stop() {
    for file in "${pids[@]}"; do
        [ -f "$file" ] && kill "$(cat "$file")" 2>/dev/null || true
    done
}

if [ "$action" = stop ]; then
    stop
    exit 0
fi

host=$(hostname -s)
# Ports that two sandboxes do not share, below those that the system hands out.
port=$((10000 + $$ * 7 % 20000))
while (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || (: <"/dev/tcp/127.0.0.1/$((port + 1))") 2>/dev/null; do
    port=$((port + 2))
done
mkdir -p "$dir"/munge/{run,log,lib} "$dir"/{state,spool,log}
chmod 0711 "$dir/munge"
chmod 0700 "$dir"/munge/{log,lib}
chmod 0755 "$dir/munge/run"
dd if=/dev/urandom of="$dir/munge/key" bs=1 count=1024 2>/dev/null
chmod 600 "$dir/munge/key"
munged --key-file="$dir/munge/key" --socket="$dir/munge/run/socket" --pid-file="$dir/munge/run/munged.pid" \
    --log-file="$dir/munge/log/munged.log" --seed-file="$dir/munge/lib/seed" --num-threads=2 --force
cat >"$dir/slurm.conf" <<CONF
ClusterName=sandbox
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket=$dir/munge/run/socket
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
KillWait=2
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=500 State=UNKNOWN
PartitionName=debug Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
slurmctld -f "$dir/slurm.conf"
sleep 1
slurmd -f "$dir/slurm.conf" -N "$host"
export SLURM_CONF="$dir/slurm.conf"
for _ in $(seq 40); do
    # Without a controller, asking takes long.
    kill -0 "$(cat "$dir/slurmctld.pid")" 2>/dev/null || break
    if timeout 5 sinfo -h -o %T 2>/dev/null | grep -q idle; then exit 0; fi
    sleep 0.25
done
tail -n 20 "$dir"/log/*.log >&2
stop
exit 1
