// Lines of multipathd that are known and say nothing about a path's or a map's state.
import { table } from './template.ts'
import type { Row } from './template.ts'

const noise = (id: string, has: string, pattern: RegExp, line: string): Row => [
  id,
  'noise',
  'seen in 0.9.4',
  has,
  pattern,
  line,
]

export const MULTIPATHD_NOISE = table('multipathd', [
  noise(
    'scsi-timeouts',
    'setting scsi timeouts is unsupported',
    /^\S+: setting scsi timeouts is unsupported for protocol .*$/,
    'sda: setting scsi timeouts is unsupported for protocol scsi:unspec',
  ),
  noise(
    'freeing-removed',
    'freeing path in removed state',
    /^check_removed_paths: \S+: freeing path in removed state$/,
    'check_removed_paths: sdb: freeing path in removed state',
  ),
  noise(
    'stalled-tur',
    'waiting for stalled tur thread',
    /^\S+ ?: waiting for stalled tur thread to finish$/,
    '8:0 : waiting for stalled tur thread to finish',
  ),
  noise(
    'unchecked',
    'unusable path',
    /^\S+: unusable path \(.*\) - checker failed$/,
    'sda: unusable path (unchecked) - checker failed',
  ),
  noise('adding-map', 'adding map', /^\S+: adding map$/, 'mpatha: adding map'),
  noise(
    'rename',
    ': rename ',
    /^\S+: rename \S+ to \S+$/,
    '1Linux_scsi_debug_2000: rename oradata to mpatha',
  ),
  noise('by-alias', 'removing map by alias', /^\S+: removing map by alias$/, 'mpatha: removing map by alias'),
  noise(
    'delayed-actions',
    'performing delayed actions',
    /^\S+: performing delayed actions$/,
    'mpatha: performing delayed actions',
  ),
  noise(
    'not-registered',
    'devmap not registered',
    /^\S+: devmap not registered, can't remove$/,
    "dm-3: devmap not registered, can't remove",
  ),
  noise('already-removed', 'already removed', /^\S+: path already removed$/, 'nvme0n1: path already removed'),
  noise(
    'bad-designator',
    'parse_vpd_pg83',
    /^parse_vpd_pg83: .*$/,
    'parse_vpd_pg83: invalid device designator at offset 101: 01060004',
  ),
  noise(
    'libdevmapper',
    'libdevmapper',
    /^libdevmapper: .*$/,
    'libdevmapper: ioctl/libdm-iface.c(1927): failed',
  ),
  noise(
    'statistic',
    'io_err',
    /^.*io_err(?:or)?[_ ]stat.*$/,
    'io error statistic: io_error statistic thread started',
  ),
  noise(
    'statistic-thread',
    'io error statistic',
    /^io error statistic: .*$/,
    'io error statistic: io_error statistic thread started',
  ),
  noise(
    'configuration',
    'configuration error',
    /^\S+: configuration error: .*$/,
    'mpatha: configuration error: marginal_path_err_sample_time must be >= 120',
  ),
  noise(
    'deprecated',
    'WARNING',
    /^WARNING: option .*$/,
    'WARNING: option san_path_err_threshold is deprecated',
  ),
  noise(
    'updated',
    'onfig',
    /^(?:Multipath configuration updated\.|Reload multipathd for changes to take effect)$/,
    'Multipath configuration updated.',
  ),
  noise(
    'read-keys',
    'reservation',
    /^(?:PR IN READKEYS.*|\s*Multipath +reservation_key: .*)$/,
    'PR IN READKEYS[0]  reservation key:',
  ),
  noise('key-bytes', '0', /^\s+\d+ (?:[0-9a-f]{2} ?)+.*$/, '        0 00 00 00 00 00 00 ab cd'),
])
