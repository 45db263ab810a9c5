// Kernel lines of SCSI devices: one failed command is several lines, joined by device and tag.
import { table } from './template.ts'
import type { Row } from './template.ts'

const SD = String.raw`^(?:sd|scsi) (?<hctl>\d+:\d+:\d+:\d+): `
const DISK = String.raw`${SD}\[(?<dev>sd[a-z]+)\] `
const TAG = String.raw`(?:tag#(?<tag>\d+) )?`

const sd = (text: string): RegExp => new RegExp(`${SD}${text}$`)
const disk = (text: string): RegExp => new RegExp(`${DISK}${text}$`)

const attention = (
  id: string,
  versions: string,
  has: string,
  pattern: string,
  what: string,
  line: string,
): Row => [id, 'attention', versions, has, sd(pattern), line, { what }]
const noise = (id: string, has: string, pattern: RegExp, line: string): Row => [
  id,
  'noise',
  'all',
  has,
  pattern,
  line,
]

export const SCSI_TEMPLATES = table('kernel', [
  [
    'result',
    'commandFailed',
    'FAILED and tag from 4.x; cmd_age 5.7, el8.3 on; driverbyte=DRIVER_SENSE not after 5.14',
    'Result: hostbyte=',
    disk(
      `${TAG}(?:FAILED |UNKNOWN\\(\\S+\\) )? ?Result: hostbyte=(?<hostbyte>\\w+) driverbyte=(?<driverbyte>\\w+)(?: cmd_age=(?<age>\\d+)s)?`,
    ),
    'sd 5:0:0:1: [sdb] tag#216 FAILED Result: hostbyte=DID_TRANSPORT_FAILFAST driverbyte=DRIVER_OK cmd_age=5s',
  ],
  [
    'sense-key',
    'commandDetail',
    'all',
    'Sense Key :',
    disk(`${TAG}Sense Key : (?<key>.+?) \\[(?:current|deferred)\\].*`),
    'sd 1:0:4:2: [sdg] tag#12 Sense Key : Not Ready [current] ',
  ],
  [
    'sense',
    'commandDetail',
    'all',
    'Add. Sense:',
    disk(`${TAG}Add\\. Sense: (?<sense>.+?) ?`),
    'sd 1:0:4:2: [sdg] tag#12 Add. Sense: Logical unit not accessible, target port in unavailable state',
  ],
  [
    'cdb',
    'commandDetail',
    'colon after the name in 3.x',
    'CDB',
    disk(`${TAG}CDB(?:\\[\\d+\\])?: (?<cdb>.*)`),
    'sd 5:0:0:1: [sdb] tag#216 CDB: Write(10) 2a 00 12 98 d8 58 00 00 08 00',
  ],
  [
    'empty',
    'commandDetail',
    '3.x prints a line without text first',
    ']',
    /^(?:sd|scsi) (?<hctl>\d+:\d+:\d+:\d+): \[(?<dev>sd[a-z]+)\] *(?:tag#(?<tag>\d+) *)?$/,
    'sd 5:0:0:1: [sdb]  ',
  ],
  [
    'beyond-end',
    'commandDetail',
    'all',
    'access beyond end of device',
    disk(`${TAG}access beyond end of device`),
    'sd 0:0:0:0: [sda] tag#190 access beyond end of device',
  ],
  [
    'rejecting',
    'ioRejected',
    'all',
    'rejecting I/O to',
    sd('rejecting I/O to (?<why>offline|dead) device'),
    'sd 1:0:0:0: rejecting I/O to offline device',
  ],
  [
    'offlined',
    'offlined',
    'all',
    'Device offlined',
    sd('Device offlined - (?<why>not ready after error recovery)'),
    'sd 1:0:0:0: Device offlined - not ready after error recovery',
  ],
  [
    'offlining',
    'offlined',
    'all',
    'Offlining disk',
    sd('(?:\\[\\w+\\] )?(?:tag#\\d+ )?(?<why>Medium access timeout failure)\\. Offlining disk!'),
    'sd 1:0:0:0: [sdb] Medium access timeout failure. Offlining disk!',
    { why: 'medium access timeout' },
  ],
  [
    'conflict',
    'reservationConflict',
    'all; from 6.4 the block line says it too',
    'reservation conflict',
    sd('(?:\\[\\w+\\] )?(?:tag#\\d+ )?reservation conflict'),
    'sd 1:0:0:5: reservation conflict',
  ],
  attention(
    ...([
      'timing-out',
      'all',
      'timing out command',
      '(?:\\[\\w+\\] )?(?:tag#\\d+ )?timing out command, waited \\d+s',
      'timing out command',
    ] as const),
    'sd 1:0:0:5: timing out command, waited 180s',
  ),
  attention(
    ...([
      'reset',
      'all',
      'device reset occurred',
      'Power-on or device reset occurred',
      'power on or device reset',
    ] as const),
    'sd 11:0:0:0: Power-on or device reset occurred',
  ),
  attention(
    ...([
      'access-changed',
      'all',
      'access state changed',
      'Asymmetric access state changed',
      'asymmetric access state changed',
    ] as const),
    'sd 1:0:4:2: Asymmetric access state changed',
  ),
  attention(
    ...([
      'capacity-changed',
      'all',
      'Capacity data has changed',
      'Capacity data has changed',
      'capacity data changed',
    ] as const),
    'sd 1:0:0:5: Capacity data has changed',
  ),
  attention(
    ...([
      'inquiry-changed',
      'all',
      'Inquiry data has changed',
      'Inquiry data has changed',
      'inquiry data changed',
    ] as const),
    'sd 1:0:0:6: Inquiry data has changed',
  ),
  attention(
    ...([
      'luns-changed',
      'from 6.1 without the words before',
      'LUN assignments on this target have changed',
      '(?:Warning! Received an indication that the )?LUN assignments on this target have changed\\.(?: The Linux SCSI layer does not automatically remap LUN assignments\\.)?',
      'LUN assignments changed',
    ] as const),
    'sd 3:0:0:4: LUN assignments on this target have changed. The Linux SCSI layer does not automatically remap LUN assignments.',
  ),
  attention(
    ...([
      'mode-changed',
      'all',
      'arameters changed',
      '(?:Mode p|P)arameters changed',
      'mode parameters changed',
    ] as const),
    'sd 1:0:0:5: Mode parameters changed',
  ),
  attention(
    ...(['rtpg-failed', 'all', 'rtpg failed', 'alua: rtpg failed.*', 'rtpg failed'] as const),
    'sd 0:0:0:0: alua: rtpg failed, result 131072',
  ),
  [
    'alua',
    'accessState',
    '3.x on; the group is hexadecimal',
    'alua: port group',
    sd(
      'alua: port group (?<group>[0-9a-fA-F]+) state (?<state>[ANSULOT]) (?<preferred>preferred|non-preferred) supports \\w+',
    ),
    'sd 1:0:4:2: alua: port group 01 state T non-preferred supports TolUSNA',
  ],
  [
    'alua-device',
    'context',
    'all',
    'alua: device',
    sd('alua: device (?<designator>\\S+) port group (?<group>[0-9a-f]+) rel port (?<port>[0-9a-f]+)'),
    'scsi 0:0:0:0: alua: device naa.33333330000007d0 port group 100 rel port 1',
  ],
  noise(
    'handler',
    'alua: ',
    sd(
      'alua: (?:Attached|Detached|supports .*|transition timeout set to .*|stpg failed.*|rtpg retry.*|not attached.*|disable .*|No target port .*)',
    ),
    'sd 0:0:0:0: alua: transition timeout set to 60 seconds',
  ),
  noise(
    'handler-sense',
    '[alua]',
    sd('\\[alua\\] .*'),
    'sd 0:0:0:0: [alua] Sense Key : Unit Attention [current] ',
  ),
  noise('other-handler', ': ', sd('(?:emc|rdac|hp_sw): .*'), 'sd 0:0:0:0: rdac: LUN 5 (unowned)'),
  [
    'inquiry',
    'inquiry',
    'PQ: 1 or model LUNZ is no disk',
    'PQ: ',
    sd('(?<type>[A-Z][\\w-]+) +(?<vendor>.{8}) (?<model>.*) PQ: (?<pq>\\d+) ANSI: \\d+.*'),
    'scsi 2:0:0:0: Direct-Access     IBM      2145             0000 PQ: 0 ANSI: 6',
  ],
  [
    'size',
    'blocks',
    'all',
    '-byte logical blocks',
    disk('(?<blocks>\\d+) (?<size>\\d+)-byte logical blocks: .*'),
    'sd 2:0:0:0: [sdc] 2147483648 512-byte logical blocks: (1100 GB/1024 GiB)',
  ],
  [
    'attached',
    'attached',
    'all',
    'Attached SCSI',
    disk('Attached SCSI (?:removable )?disk'),
    'sd 2:0:0:0: [sdc] Attached SCSI disk',
  ],
  [
    'synchronizing',
    'goingAway',
    'all',
    'Synchroniz',
    disk('Synchroniz(?:ing SCSI cache|e [Cc]ache.*)'),
    'sd 2:0:0:0: [sdc] Synchronizing SCSI cache',
  ],
  noise(
    'generic',
    'Attached scsi generic',
    sd('Attached scsi generic sg\\d+ type \\d+'),
    'sd 2:0:0:0: Attached scsi generic sg2 type 0',
  ),
  noise(
    'disk-parameters',
    '] ',
    disk(
      '(?:Write Protect is \\w+|Write cache: .*|Mode Sense: .*|Optimal transfer size .*|Preferred minimum I/O size .*|permanent stream count = \\d+|\\d+-byte physical blocks|Disabling .*|Enabling .*|Stopping disk|Starting disk|Assuming drive cache: .*|Cache data unavailable|No Caching mode page found|Asking for cache data failed|Spinning up disk.*|Media removed.*)',
    ),
    'sd 2:0:0:0: [sdc] Write Protect is off',
  ),
  noise('host', 'scsi host', /^scsi host\d+: .*$/, 'scsi host3: iSCSI Initiator over TCP/IP'),
  noise('older-host', 'scsi', /^scsi ?\d+ ?: .*$/, 'scsi11 : iSCSI Initiator over TCP/IP'),
])
