// Short nights on hosts that never were, by what goes wrong in them.
import { kernel, multipathd, START_US, type Said } from './night.ts'

function iscsid(second: number, text: string): Said {
  return { us: START_US + second * 1_000_000, program: 'iscsid', text }
}

function system(second: number, program: string, text: string): Said {
  return { us: START_US + second * 1_000_000, program, text }
}

const TABLE =
  'load table [0 2097152 multipath 1 queue_if_no_path 1 alua 1 1 service-time 0 2 1 8:16 1 8:32 1]'

function error(
  second: number,
  hctl: string,
  dev: string,
  sector = 4096,
  hostbyte = 'DID_NO_CONNECT',
): Said[] {
  const lba = sector.toString(16).padStart(8, '0').match(/../g)!.join(' ')
  return [
    kernel(
      second,
      `sd ${hctl}: [${dev}] tag#3 FAILED Result: hostbyte=${hostbyte} driverbyte=DRIVER_OK cmd_age=1s`,
    ),
    kernel(second, `sd ${hctl}: [${dev}] tag#3 CDB: Read(10) 28 00 ${lba} 00 00 08 00`),
    kernel(
      second,
      `blk_update_request: I/O error, dev ${dev}, sector ${sector} op 0x0:(READ) flags 0x0 phys_seg 1 prio class 0`,
    ),
  ]
}

function medium(second: number, hctl: string, dev: string, devt: string): Said[] {
  return [
    kernel(
      second,
      `sd ${hctl}: [${dev}] tag#3 FAILED Result: hostbyte=DID_OK driverbyte=DRIVER_OK cmd_age=1s`,
    ),
    kernel(second, `sd ${hctl}: [${dev}] tag#3 Sense Key : Medium Error [current] `),
    kernel(second, `sd ${hctl}: [${dev}] tag#3 Add. Sense: Unrecovered read error`),
    kernel(
      second,
      `sd ${hctl}: [${dev}] tag#3 CDB: Read(16) 88 00 00 00 00 00 00 00 77 70 00 00 00 08 00 00`,
    ),
    kernel(
      second,
      `blk_update_request: critical medium error, dev ${dev}, sector 30576 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 0`,
    ),
    kernel(second, `device-mapper: multipath: 253:4: Failing path ${devt}.`),
    multipathd(second, `${dev}: mark as failed`),
  ]
}

function up(second: number, map: string, dev: string, devt: string, count: number): Said[] {
  return [
    multipathd(second, `${map}: ${dev} - tur checker reports path is up`),
    multipathd(second, `${devt}: reinstated`),
    multipathd(second, `${map}: remaining active paths: ${count}`),
  ]
}

function down(second: number, map: string, dev: string, devt: string, count: number): Said[] {
  return [
    multipathd(second, `${map}: ${dev} - tur checker reports path is down`),
    multipathd(second, `checker failed path ${devt} in map ${map}`),
    kernel(second, `device-mapper: multipath: 253:4: Failing path ${devt}.`),
    multipathd(second, `${map}: remaining active paths: ${count}`),
  ]
}

const DISKS = [
  kernel(0, 'scsi 3:0:0:1: Direct-Access     ELM      Leaf             0100 PQ: 0 ANSI: 6'),
  kernel(0, 'sd 3:0:0:1: [sdb] 2097152 512-byte logical blocks: (1.07 GB/1.00 GiB)'),
  kernel(0, 'sd 3:0:0:1: [sdb] Attached SCSI disk'),
  kernel(0, 'sd 4:0:0:1: [sdc] 2097152 512-byte logical blocks: (1.07 GB/1.00 GiB)'),
  kernel(0, 'sd 4:0:0:1: [sdc] Attached SCSI disk'),
  multipathd(1, `leaf: ${TABLE}`),
  multipathd(1, 'leaf: devmap dm-4 registered'),
]

/** Two sessions lose their portals; one is given up after its time, and both are back. */
export const SESSIONS: readonly Said[] = [
  ...DISKS,
  iscsid(
    2,
    'Connection1:0 to [target: iqn.2031-01.net.elm:leaf, portal: 192.0.2.7,3260] through [iface: default] is operational now',
  ),
  kernel(9, 'ixgbe 0000:41:00.1 ens2f1: NIC Link is Down'),
  kernel(9, 'bond0: (slave ens2f1): link status definitely down, disabling slave'),
  kernel(14, 'connection1:0: ping timeout of 5 secs expired, recv timeout 5, last rx 1, last ping 2, now 3'),
  kernel(14, 'connection1:0: detected conn error (1022)'),
  iscsid(
    14,
    'iscsid: Kernel reported iSCSI connection 1:0 error (1022 - ISCSI_ERR_NOP_TIMEDOUT: A NOP has timed out) state (3)',
  ),
  iscsid(16, 'connect to 192.0.2.7:3260 failed (No route to host)'),
  kernel(19, 'session1: session recovery timed out after 5 secs'),
  ...error(19, '3:0:0:1', 'sdb'),
  kernel(19, 'device-mapper: multipath: 253:4: Failing path 8:16.'),
  multipathd(19, 'sdb: mark as failed'),
  multipathd(19, 'leaf: remaining active paths: 1'),
  kernel(30, 'ixgbe 0000:41:00.1 ens2f1: NIC Link is Up 10 Gbps, Flow Control: None'),
  iscsid(32, 'connection1:0 is operational after recovery (4 attempts)'),
  ...up(35, 'leaf', 'sdb', '8:16', 2),
]

/** An abort, and each wider reset after it. */
export const ESCALATION: readonly Said[] = [
  ...DISKS,
  kernel(10, 'qla2xxx [0000:0b:00.0]-801c:3: Abort command issued nexus=3:0:1 --  1 2002.'),
  kernel(12, 'qla2xxx [0000:0b:00.0]-8009:3: DEVICE RESET ISSUED nexus=3:0:1 cmd=00000000.'),
  kernel(14, 'qla2xxx [0000:0b:00.0]-8012:3: BUS RESET ISSUED nexus=3:0:1.'),
  kernel(16, 'qla2xxx [0000:0b:00.0]-8018:3: ADAPTER RESET ISSUED nexus=3:0:1.'),
  kernel(18, 'sd 3:0:0:1: Device offlined - not ready after error recovery'),
  kernel(18, 'sd 3:0:0:1: rejecting I/O to offline device'),
  kernel(18, 'device-mapper: multipath: 253:4: Failing path 8:16.'),
  multipathd(20, 'leaf: sdb - path offline'),
]

/** A remote port is given up: its disk goes, and comes back under another name. */
export const REMOTE_PORT: readonly Said[] = [
  ...DISKS,
  kernel(10, ' rport-3:0-2: blocked FC remote port time out: removing target and saving binding'),
  ...error(10, '3:0:0:1', 'sdb'),
  kernel(10, 'device-mapper: multipath: 253:4: Failing path 8:16.'),
  multipathd(10, 'leaf: remaining active paths: 1'),
  kernel(10, 'sd 3:0:0:1: [sdb] Synchronizing SCSI cache'),
  multipathd(11, 'sdb [8:16]: path removed from map leaf'),
  kernel(40, 'scsi 3:0:1:1: Direct-Access     ELM      Leaf             0100 PQ: 0 ANSI: 6'),
  kernel(40, 'sd 3:0:1:1: [sdf] Attached SCSI disk'),
  multipathd(41, 'sdf [8:80]: path added to devmap leaf'),
  multipathd(
    41,
    'leaf: load table [0 2097152 multipath 1 queue_if_no_path 1 alua 1 1 service-time 0 2 1 8:32 1 8:80 1]',
  ),
  multipathd(42, 'leaf: remaining active paths: 2'),
]

/** Controllers of one subsystem: one is reconnected, one given up. */
export const CONTROLLERS: readonly Said[] = [
  kernel(0, 'nvme nvme1: new ctrl: NQN "nqn.2031-01.net.elm:bark", addr 192.0.2.9:4420'),
  kernel(10, 'nvme nvme1: queue 0: timeout request 0x1 type 4'),
  kernel(10, 'nvme nvme1: starting error recovery'),
  kernel(10, 'nvme nvme1: failed nvme_keep_alive_end_io error=10'),
  kernel(10, 'nvme0c1n1: Read(0x2) @ LBA 2048, 8 blocks, Host Pathing Error (sct 0x3 / sc 0x70) '),
  kernel(10, 'block nvme0n1: no usable path - requeuing I/O'),
  kernel(10, 'nvme nvme1: Reconnecting in 10 seconds...'),
  kernel(20, 'nvme nvme1: failed to connect socket: -110'),
  kernel(20, 'nvme nvme1: Failed reconnect attempt 1/10'),
  kernel(20, 'nvme nvme1: Reconnecting in 10 seconds...'),
  kernel(30, 'nvme nvme1: creating 8 I/O queues.'),
  kernel(30, 'nvme nvme1: mapped 8/0/0 default/read/poll queues.'),
  kernel(30, 'nvme nvme1: Successfully reconnected (2 attempt)'),
  kernel(60, 'nvme nvme2: NVME-FC{0}: controller connectivity lost. Awaiting Reconnect'),
  kernel(60, 'block nvme3n1: no usable path - requeuing I/O'),
  kernel(120, 'nvme nvme2: NVME-FC{0}: dev_loss_tmo (60) expired while waiting for remoteport connectivity.'),
  kernel(120, 'block nvme3n1: no available path - failing I/O'),
  kernel(121, 'nvme nvme2: Removing ctrl: NQN "nqn.2031-01.net.elm:root"'),
]

/** All paths are lost, the retries are used up, and what was queued fails to the file system. */
export const RETRIES: readonly Said[] = [
  ...DISKS,
  ...down(10, 'leaf', 'sdb', '8:16', 1),
  ...down(12, 'leaf', 'sdc', '8:32', 0),
  multipathd(12, 'leaf: Entering recovery mode: max_retries=6'),
  kernel(20, 'INFO: task moth:777 blocked for more than 120 seconds.'),
  multipathd(42, 'leaf: Disable queueing'),
  kernel(
    43,
    'blk_update_request: I/O error, dev dm-4, sector 8 op 0x1:(WRITE) flags 0x0 phys_seg 1 prio class 0',
  ),
  kernel(43, 'Buffer I/O error on dev dm-4, logical block 1, lost async page write'),
  kernel(44, 'Aborting journal on device dm-4-8.'),
  ...up(50, 'leaf', 'sdb', '8:16', 1),
  multipathd(50, 'leaf: queue_if_no_path enabled'),
  multipathd(50, 'leaf: Recovered to normal mode'),
  multipathd(51, 'leaf: switch to path group #2'),
  ...up(55, 'leaf', 'sdc', '8:32', 2),
]

/** The same sector through both paths. */
export const SECTOR: readonly Said[] = [
  ...DISKS,
  ...medium(10, '3:0:0:1', 'sdb', '8:16'),
  ...medium(12, '4:0:0:1', 'sdc', '8:32'),
  ...up(20, 'leaf', 'sdb', '8:16', 1),
  ...up(20, 'leaf', 'sdc', '8:32', 2),
]

/** A path that answers its checker and fails I/O, until a person fails it. */
export const LYING: readonly Said[] = [
  ...DISKS,
  ...[10, 40, 70, 100].flatMap((second) => [
    ...error(second, '3:0:0:1', 'sdb', 4096 + second * 8, 'DID_ERROR'),
    kernel(second, 'device-mapper: multipath: 253:4: Failing path 8:16.'),
    multipathd(second, 'sdb: mark as failed'),
    multipathd(second, 'leaf: remaining active paths: 1'),
    ...up(second + 5, 'leaf', 'sdb', '8:16', 2),
  ]),
  multipathd(130, 'leaf: fail path 8:16 (operator)'),
  kernel(130, 'device-mapper: multipath: 253:4: Failing path 8:16.'),
]

/** What else becomes of a path: held back, another LUN, reservations, sizes. */
export const PATHS: readonly Said[] = [
  ...DISKS,
  multipathd(10, 'sdb : hit error threshold. Delaying path reinstatement'),
  multipathd(20, 'sdb : reinstate the path after err recovery time'),
  multipathd(30, 'sdb: path is now marginal'),
  multipathd(40, 'sdb: path is no longer marginal'),
  kernel(50, 'sd 4:0:0:1: reservation conflict'),
  kernel(
    50,
    'blk_update_request: critical nexus error, dev sdc, sector 64 op 0x1:(WRITE) flags 0x0 phys_seg 1 prio class 0',
  ),
  kernel(
    50,
    'blk_update_request: critical nexus error, dev dm-4, sector 64 op 0x1:(WRITE) flags 0x0 phys_seg 1 prio class 0',
  ),
  kernel(51, 'sd 4:0:0:1: reservation conflict'),
  kernel(60, 'sd 3:0:0:1: Capacity data has changed'),
  kernel(60, 'sd 3:0:0:1: [sdb] 4194304 512-byte logical blocks: (2.14 GB/2.00 GiB)'),
  kernel(60, 'sdb: detected capacity change from 2097152 to 4194304'),
  multipathd(61, 'leaf: resized map from 2097152 to 4194304'),
  kernel(70, 'sd 4:0:0:1: Inquiry data has changed'),
  multipathd(
    70,
    "sdc: path wwid changed from '36000000000000000000000000000beef' to '36000000000000000000000000000cafe'",
  ),
  multipathd(70, 'sdc: path wwid change detected. Removing'),
  multipathd(71, 'sdc [8:32]: path removed from map leaf'),
]

/** The host goes down with a map in use, and comes up again. */
export const SHUTDOWN: readonly Said[] = [
  ...DISKS,
  iscsid(
    2,
    'Connection1:0 to [target: iqn.2031-01.net.elm:leaf, portal: 192.0.2.7,3260] through [iface: default] is operational now',
  ),
  system(10, 'systemd', 'System is powering down.'),
  multipathd(10, 'leaf: map in use'),
  multipathd(10, 'multipathd: shut down'),
  iscsid(
    11,
    'Connection1:0 to [target: iqn.2031-01.net.elm:leaf, portal: 192.0.2.7,3260] through [iface: default] is shutdown.',
  ),
  ...down(12, 'leaf', 'sdb', '8:16', 1),
  ...down(12, 'leaf', 'sdc', '8:32', 0),
  kernel(140, 'INFO: task umount:24 blocked for more than 120 seconds.'),
  kernel(300, 'Linux version 6.1.0-elm (moth@elm) (gcc version 12) #1 SMP'),
  system(301, 'chronyd', 'System clock was stepped by -3600.012 seconds'),
  system(302, 'systemd', 'Time jumped backwards, rotating.'),
  multipathd(303, 'multipathd v0.9.4: start up'),
  system(304, 'systemd-journald', 'Suppressed 1532 messages from multipathd.service'),
  system(305, 'sudo', 'moth : TTY=pts/0 ; PWD=/root ; USER=root ; COMMAND=/usr/sbin/multipathd reconfigure'),
  multipathd(305, 'reconfigure (operator)'),
]

/** The array takes a port group out of service and says so. */
export const ACCESS: readonly Said[] = [
  ...DISKS,
  ...['A', 'T', 'U', 'A'].flatMap((state, index) => [
    kernel(10 + index * 10, `sd 3:0:0:1: alua: port group 0b state ${state} preferred supports TolUSNA`),
    ...(state === 'U' ? error(30.5, '3:0:0:1', 'sdb', 4096, 'DID_OK') : []),
    ...(state === 'U' ? down(31, 'leaf', 'sdb', '8:16', 1) : []),
  ]),
  ...up(45, 'leaf', 'sdb', '8:16', 2),
]
