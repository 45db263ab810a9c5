// Every limit of the engine: its name, its default, and why. Validated once, at the edge.
import { z } from 'zod'
import { PathledgerError } from '../../errors.ts'
import { TRACE_MODES } from '../../machines/head/trace-events.ts'
import { IO_POLICIES, MULTIPATH_MODES } from '../../machines/words.ts'
import {
  checkerSettings,
  failbackSetting,
  groupPollSettings,
  lossSettings,
  marginalSettings,
  quantumSettings,
} from './health-settings.ts'
import { noPathRetry } from '../../machines/head/events.ts'
import { DISKS_MAX } from './names.ts'

const ms = z.number().min(0).max(86_400_000)
const MiB = 1024 * 1024

export const settingsSchema = z.strictObject({
  /** `scsi_multipath`: exact words, 'once' is not 'on' (D-12). */
  multipath: z.enum(MULTIPATH_MODES).default('on'),
  /** Policy of heads created from now on; a head keeps its own (D-31). */
  iopolicy: z.enum(IO_POLICIES).default('numa'),
  /** What I/O does when no path is usable and none comes back by itself: fail, queue, or wait so many checks. */
  noPathRetry: noPathRetry.default('fail'),
  /** Time between two of those checks; 5 s is what multipath.conf calls polling_interval. */
  noPathCheckMs: ms.min(1).default(5_000),
  /** How long a head outlives its last path. 0: not at all, as in the series' v1. */
  delayedRemovalMs: ms.default(0),
  /**
   * How long, from each start, the paths that the last run left may take to be attached again. Then they are given up,
   * and their heads go on as if the last path had left: a program has so long to open its devices.
   */
  reattachMs: ms.default(30_000),
  /** Index of the first head's disk: 0 for sda, 2 where the machine has disks sda and sdb of its own. */
  firstDiskIndex: z
    .int()
    .min(0)
    .max(DISKS_MAX - 1)
    .default(0),
  /** NUMA nodes of the machine: one cached path each. */
  numaNodes: z.int().min(1).max(1024).default(1),
  /**
   * A failed path is probed after `minMs`, then at doubling intervals up to `maxMs`: quick for a path that only
   * blinked, cheap for one that is gone. `healthyMaxMs`: a path that is well is checked too, at intervals that double
   * from `minMs` up to this; 0 leaves that to its I/O. `reads`: where a check reads; each must answer that
   * another path can read.
   */
  checker: checkerSettings,
  /**
   * A path that works badly is used last: two failures within `doubleFailureMs`, or in a window of `windowMs` with
   * `windowIosMin` I/Os more than `errorsPerThousand` errors, or I/Os of which every second takes longer than `slowMs`
   * (0: not looked at). It is read every `sampleIntervalMs` for `sampleMs`; few enough errors, and it is well again,
   * else it is looked at once more after `recheckMs`, which doubles with each failure up to `recheckMaxMs`.
   */
  marginal: marginalSettings,
  /** When a path that comes back takes its I/O again; a number is milliseconds that it stays well first. */
  failback: failbackSetting,
  /** When every other path has failed, one that its operator pulled is tried. Off: an operator who pulls a path wins. */
  restoreOnError: z.boolean().default(false),
  /**
   * How long a failed path is waited for: it is removed after `lossSeconds` (-1: never), tried every `reconnectSeconds`,
   * and I/O waits for it until `fastFailSeconds` (0: until it is removed). All 0: `noPathRetry` alone decides.
   */
  loss: lossSettings,
  /** What round-robin sends down one path before it goes on to the next: I/Os or bytes. One I/O is the kernel's. */
  quantum: quantumSettings,
  /** How often a source of devices is looked at for what came, changed or went ({@link Multipath.watch}). */
  discoveryPollMs: ms.min(10).max(60_000).default(1_000),
  /**
   * How often it is asked whether the kernel told of devices ({@link Multipath.watch} with `uevents`): one call that does not
   * wait, and a look at the source at once where it did. Bounds how often a storm of uevents makes the engine look.
   */
  ueventPollMs: ms.min(10).max(60_000).default(100),
  /** A read of a probe that has not answered by then has failed: a re-sent I/O is held back no longer than this. */
  probeTimeoutMs: ms.min(1).default(2_000),
  /** A SCSI command (INQUIRY, REPORT TARGET PORT GROUPS) that has not been answered by then has failed. */
  commandTimeoutMs: ms.min(1).default(60_000),
  /** Reports of target port groups under way at once, all LUNs together; a LUN has at most one. */
  reportsInFlightMax: z.int().min(1).max(4096).default(16),
  /**
   * While a head has no usable path and its access states alone keep some out, their groups are asked about: at once, after
   * `minMs`, then at doubling intervals up to `maxMs`. An array that takes a LUN over tells only those who ask.
   */
  groupPoll: groupPollSettings,
  /**
   * So long such paths are worth waiting for; then `noPathRetry` decides alone. Where that is a number it counts from the
   * start, but for groups in transition. A minute is what a transition has where the target does not say.
   */
  accessWaitMs: ms.default(60_000),
  /** An attempt that the kernel still has after this time is given up, and sent elsewhere. 0: never. 30 s is sd's own. */
  attemptTimeoutMs: ms.default(30_000),
  /**
   * How long a flush waits for a path which has acknowledged writes and cannot be used just now; then it fails with
   * NOT_DURABLE. As long as a check of `noPathCheckMs`: what only blinked is back by then.
   */
  flushWaitMs: ms.default(5_000),
  /**
   * A path whose oldest I/O is out for so long, that answers nothing meanwhile, and another one does answer, is silent: new I/O and
   * its reads go elsewhere. 0: never. Well above what a loaded array takes, well below what a program notices.
   */
  silentMs: ms.default(1_000),
  /** Bytes in flight on one path: a hung path holds on to so much memory, not to all of it. */
  inFlightBytesMax: z
    .int()
    .min(4096)
    .max(1024 * MiB)
    .default(16 * MiB),
  /** Newer writes wait so long for a ghost that they overlap, then fail with GHOST_HOLD. */
  ghostHoldMaxMs: ms.min(1).default(30_000),
  /**
   * I/O that waits for memory, for room on a path, for a reservation or for a verdict fails with WAIT_TOO_LONG when nothing
   * that waits for the same has moved for so long. 0: never. `noPathRetry` says how long I/O waits for a path.
   */
  waitMaxMs: ms.default(60_000),
  /**
   * After this time a ghost is released without proof, once the kernel has given its attempt back; the ledger says that
   * it was time. 0: never.
   */
  ghostQuiesceMs: ms.default(60_000),
  /** Bytes of writes that may wait for ghosts, a head; above it callers wait in order. */
  heldBytesMax: z
    .int()
    .min(4096)
    .max(1024 * MiB)
    .default(16 * MiB),
  /** How long removal and close wait for what is in flight before it is given up. */
  closeGraceMs: ms.default(2_000),
  /**
   * How long the storage that the engines of a LUN share may take for one thing that is asked of it; then that fails with
   * LUN_STORAGE_STALLED, and the next at once until it answers. Shorter than `attemptTimeoutMs`: a hung disk of our own
   * must not look like one of the LUN's.
   */
  lunStallMs: ms.min(1).default(5_000),
  /** How long a reservation command waits for the other engines of the LUN before it is BUSY. */
  reservationWaitMs: ms.min(1).default(5_000),
  /** How long a fence command may take. */
  fenceTimeoutMs: ms.min(1).default(10_000),
  /** So many different bios that failed on a path and succeeded elsewhere fail it, whatever its probe says. */
  failThreshold: z.int().min(1).max(1_000_000).default(4),
  /** Failures further apart than this do not add up to `failThreshold`. */
  failWindowMs: ms.min(1).default(60_000),
  /** Attempts of one bio, all paths together; an I/O that nobody takes must not circulate for ever (E6). */
  attemptsMax: z.int().min(1).max(10_000).default(64),
  /** EAGAIN and ENOMEM are tried again on the same path after this time, so many times. */
  resourceRetryMs: ms.min(1).default(10),
  resourceRetriesMax: z.int().min(0).max(100_000).default(100),
  /** A caller's I/O is cut into bios of at most this size, so that one I/O cannot take the whole pool. */
  bioBytesMax: z
    .int()
    .min(4096)
    .max(8 * MiB)
    .default(1 * MiB),
  /** Aligned memory for all I/O in flight or parked. Above it callers wait in order. */
  poolBytes: z
    .int()
    .min(MiB)
    .max(2048 * MiB)
    .default(96 * MiB),
  /**
   * Bytes lent by `head.alloc` at most, in callers' hands and in flight, and never more than half of `poolBytes`: buffers
   * that a program forgets must not take the memory of all other I/O.
   */
  lentBytesMax: z
    .int()
    .min(0)
    .max(1024 * MiB)
    .default(32 * MiB),
  /** Bytes that may wait without a path; above it callers wait in order, unqueued. */
  requeueBytesMax: z
    .int()
    .min(4096)
    .max(1024 * MiB)
    .default(64 * MiB),
  /**
   * Callers that may wait for memory or for the queue; the next one is refused with QUEUE_FULL. The bytes of a write that
   * waits are kept in a copy beside the pool.
   */
  waitersMax: z.int().min(1).max(10_000_000).default(65_536),
  /** Bytes of writes that may be kept so, a head; the next write is refused with QUEUE_FULL. One write may be larger. */
  waitersBytesMax: z
    .int()
    .min(4096)
    .max(16_384 * MiB)
    .default(256 * MiB),
  /** I/O counts go to the ledger this often while there is I/O. */
  sampleMs: ms.min(1).default(1_000),
  /**
   * Which I/Os go to the ledger one by one, with every attempt: none, each `ioTraceEvery`th (`sampled`), `ioTracePerSecond`
   * of a head (`bounded`), or all (`full`). What it costs: docs/tracing.md. `head.setTracing` changes it for one head.
   */
  ioTrace: z.enum(TRACE_MODES).default('off'),
  /** With `ioTrace` sampled: one I/O of so many is traced. */
  ioTraceEvery: z.int().min(1).max(1_000_000_000).default(100),
  /** With `ioTrace` bounded: so many I/Os of a head are traced in a second, the first ones of it. */
  ioTracePerSecond: z.int().min(1).max(1_000_000).default(100),
  /** Rows a minute that errors of one path may cause, apart from its failures; above it they are only counted. */
  errorRowsPerMinute: z.int().min(1).max(1_000_000).default(1_000),
  /** How long a gate waits for the ledger. Then `ledgerStall` says what becomes of its I/O. */
  ledgerStallMs: ms.min(1).default(10_000),
  /**
   * `stop`: the I/O of a gate that the ledger did not take in time fails with LEDGER_STALLED. `continue`: it goes on without
   * its record; that is on the ledger once it can be, and the next start counts as one after an unclean end.
   */
  ledgerStall: z.enum(['stop', 'continue']).default('stop'),
  /** Events that may wait for the ledger; above it samples are dropped and counted, at twice this the engine stops. */
  ledgerPendingMax: z.int().min(16).max(10_000_000).default(10_000),
})

/** Every setting with its value (docs/settings.md). */
export type Settings = z.infer<typeof settingsSchema>
/** Settings as a program gives them: what is left out has its default. */
export type SettingsInput = z.input<typeof settingsSchema>

/** Checks settings and fills in the defaults. Throws SETTINGS_INVALID, which names each wrong one. */
export function parseSettings(input: SettingsInput): Settings {
  const parsed = settingsSchema.safeParse(asWritten(input))
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues.map(
    ({ path, message }) => `${path.map(String).join('.') || 'settings'}: ${message}`,
  )
  throw new PathledgerError('SETTINGS_INVALID', {
    message: 'The settings of Multipath.open are not valid.',
    why: `${issues.join('; ')}.`,
    todo: 'Correct them; docs/settings.md lists every setting with its range.',
    errno: 'EINVAL',
  })
}

/** A word may end with one newline, as a write to sysfs may; "once" is still not "on". */
function asWritten(input: SettingsInput): SettingsInput {
  // A program without types may give anything; the schema says what is wrong with it.
  if (typeof (input as unknown) !== 'object' || (input as unknown) === null || Array.isArray(input))
    return input
  const word = (value: unknown) => (typeof value === 'string' ? value.replace(/\n$/, '') : value)
  const words = ['multipath', 'iopolicy'].filter((name) => name in input)
  const written = words.map((name) => [name, word(input[name as keyof SettingsInput])] as const)
  return { ...input, ...(Object.fromEntries(written) as SettingsInput) }
}
