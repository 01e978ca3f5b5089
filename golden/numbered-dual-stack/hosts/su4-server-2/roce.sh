#!/bin/sh
# su4-server-2: RoCE settings of the NICs; those of the leafs' ports are the same.
# The NICs forget them at reboot: run this as root at every boot. Running it again changes nothing. A DSCP that an earlier
# version of this file moved, and this one does not name, returns to its default at reboot.
# Needs mlnx_qos and cma_roce_tos of MLNX_OFED or DOCA-OFED.
pids=
failed=0

quietly() {
    output=$("$@" 2>&1) || { echo "$output" >&2; return 1; }
}

# network backend
roce_1() {
    quietly mlnx_qos -i "$1" --trust dscp --pfc 0,0,0,1,0,0,0,0 || return
    for dscp in 24 25 27 28 29 30 31; do
        quietly mlnx_qos -i "$1" --dscp2prio "set,$dscp,0" || return
    done
    for dscp in 26; do
        quietly mlnx_qos -i "$1" --dscp2prio "set,$dscp,3" || return
    done
    for dscp in 48; do
        quietly mlnx_qos -i "$1" --dscp2prio "set,$dscp,6" || return
    done
    for rdma in /sys/class/net/"$1"/device/infiniband/*; do
        quietly cma_roce_tos -d "${rdma##*/}" -t 106 || return
        echo 106 > /sys/class/infiniband/"${rdma##*/}"/tc/1/traffic_class || return
    done
    echo 48 > /sys/class/net/"$1"/ecn/roce_np/cnp_dscp || return
    echo 1 > /sys/class/net/"$1"/ecn/roce_np/enable/3 || return
    echo 1 > /sys/class/net/"$1"/ecn/roce_rp/enable/3 || return
}

for netdev in enp24s0np0 enp64s0np0 enp79s0np0 enp94s0np0 enp154s0np0 enp192s0np0 enp206s0np0 enp220s0np0; do
    { roce_1 "$netdev" || { echo "$netdev: RoCE settings are incomplete" >&2; exit 1; }; } &
    pids="$pids $!"
done

for pid in $pids; do
    wait "$pid" || failed=1
done
exit "$failed"
