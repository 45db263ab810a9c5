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
  /** Policy of heads that are created from now on; a head keeps its own (D-31). */
  iopolicy: z.enum(IO_POLICIES).default('numa'),
  /**
   * What I/O does when no path is usable and none comes back by itself: fail, queue, or wait for this many
   * checks.
   */
  noPathRetry: noPathRetry.default('fail'),
  /** Time between two of those checks. The default is 5 s, as polling_interval of multipath.conf. */
  noPathCheckMs: ms.min(1).default(5_000),
  /** How long a head outlives its last path. 0: not at all, as in v1 of the kernel's series. */
  delayedRemovalMs: ms.default(0),
  /**
   * How long after each start a program may take to open its devices again. After this time, the paths that
   * the last run left are given up, and their heads go on as if the last path had left.
   */
  reattachMs: ms.default(30_000),
  /** Index of the first head's disk: 0 for sda, 2 if the machine has disks sda and sdb of its own. */
  firstDiskIndex: z
    .int()
    .min(0)
    .max(DISKS_MAX - 1)
    .default(0),
  /** NUMA nodes of the machine: each has a cached path of its own. */
  numaNodes: z.int().min(1).max(1024).default(1),
  /**
   * A failed path is probed after `minMs`, then at doubling intervals up to `maxMs`: soon if the path only
   * blinked, cheaply if it is gone. `healthyMaxMs`: a path that is well is checked too, at intervals that
   * double from `minMs` up to this; 0: never. `reads`: where a check reads; every place that another path can
   * read must answer.
   */
  checker: checkerSettings,
  /**
   * A path that works badly is used last. It is marginal after two failures within `doubleFailureMs`, or if a
   * window of `windowMs` with at least `windowIosMin` I/Os has more than `errorsPerThousand` errors, or more
   * than half of its I/Os take longer than `slowMs` (0: not checked). It is then read every
   * `sampleIntervalMs` for `sampleMs`. With few enough errors it is well again. Otherwise it is sampled again
   * after `recheckMs`, which doubles with each failure up to `recheckMaxMs`.
   */
  marginal: marginalSettings,
  /**
   * When a path that comes back takes its I/O again. A number is how many milliseconds it must stay well
   * first.
   */
  failback: failbackSetting,
  /**
   * When every other path has failed, a path that its operator disabled is tried. Off: the operator's order
   * always holds.
   */
  restoreOnError: z.boolean().default(false),
  /**
   * How long I/O and the head wait for a failed path: it is removed after `lossSeconds` (-1: never), tried
   * every `reconnectSeconds`, and I/O waits for it until `fastFailSeconds` (0: until it is removed). All 0:
   * only `noPathRetry` decides.
   */
  loss: lossSettings,
  /**
   * What round-robin sends down one path before it goes on to the next: a number of I/Os or bytes. The kernel
   * sends one I/O.
   */
  quantum: quantumSettings,
  /** How often `Multipath.watch` looks at a source for devices that came, changed or went. */
  discoveryPollMs: ms.min(10).max(60_000).default(1_000),
  /**
   * How often `Multipath.watch` with `uevents` asks whether the kernel reported devices: one call that does
   * not block. If it did, the source is read at once. This also limits how often a storm of uevents makes the
   * engine look.
   */
  ueventPollMs: ms.min(10).max(60_000).default(100),
  /**
   * A read of a probe that is not answered within this time has failed. A re-sent I/O is never held back
   * longer than this.
   */
  probeTimeoutMs: ms.min(1).default(2_000),
  /** A SCSI command (INQUIRY, REPORT TARGET PORT GROUPS) that is not answered within this time has failed. */
  commandTimeoutMs: ms.min(1).default(60_000),
  /** Reports of target port groups in flight at once, for all LUNs together; a LUN has at most one. */
  reportsInFlightMax: z.int().min(1).max(4096).default(16),
  /**
   * While a head has no usable path, and only access states keep some of them out, the target is asked about
   * their groups: at once, after `minMs`, then at doubling intervals up to `maxMs`. An array that takes a LUN
   * over tells only those who ask.
   */
  groupPoll: groupPollSettings,
  /**
   * How long paths that only their access state makes unusable are worth waiting for; after that only
   * `noPathRetry` decides. If that is a number, it counts from the start, except for groups in transition. A
   * minute is the transition time of a target that states none.
   */
  accessWaitMs: ms.default(60_000),
  /**
   * An attempt that the kernel still has after this time is given up, and the I/O is sent elsewhere. 0:
   * never. The default is sd's: 30 s.
   */
  attemptTimeoutMs: ms.default(30_000),
  /**
   * How long a flush waits for a path that has acknowledged writes and is not usable at the moment; then it
   * fails with NOT_DURABLE. It is as long as `noPathCheckMs`: a path that only blinked is back by then.
   */
  flushWaitMs: ms.default(5_000),
  /**
   * A path is silent if its oldest I/O has been out for this time, it has answered nothing since, and another
   * path does answer. New I/O and its reads then go elsewhere. 0: never. The default is well above what a
   * loaded array takes, and well below what a program notices.
   */
  silentMs: ms.default(1_000),
  /** Bytes in flight on one path, so that a hung path holds only this much memory, and not all of it. */
  inFlightBytesMax: z
    .int()
    .min(4096)
    .max(1024 * MiB)
    .default(16 * MiB),
  /** How long newer writes wait for a ghost that they overlap; then they fail with GHOST_HOLD. */
  ghostHoldMaxMs: ms.min(1).default(30_000),
  /**
   * I/O that waits for memory, for room on a path, for a reservation or for a verdict fails with
   * WAIT_TOO_LONG when nothing that waits for the same thing has moved for this time. 0: never. `noPathRetry`
   * says how long I/O waits for a path.
   */
  waitMaxMs: ms.default(60_000),
  /**
   * After this time a ghost is released without proof, if the kernel has given its attempt back; the ledger
   * says that it was released by time. 0: never.
   */
  ghostQuiesceMs: ms.default(60_000),
  /** Bytes of writes that may wait for ghosts, for each head. Above it callers wait in order. */
  heldBytesMax: z
    .int()
    .min(4096)
    .max(1024 * MiB)
    .default(16 * MiB),
  /** How long removal and close wait for I/O in flight before it is given up. */
  closeGraceMs: ms.default(2_000),
  /**
   * How long the storage that the engines of a LUN share may take for one request. After that the request
   * fails with LUN_STORAGE_STALLED, and later ones fail at once until it answers. It is shorter than
   * `attemptTimeoutMs`, because a hung disk of our own must not look like a hung path of the LUN.
   */
  lunStallMs: ms.min(1).default(5_000),
  /** How long a reservation command waits for the other engines of the LUN before it is BUSY. */
  reservationWaitMs: ms.min(1).default(5_000),
  /** How long a fence command may take. */
  fenceTimeoutMs: ms.min(1).default(10_000),
  /**
   * When this many different bios have failed on a path and succeeded elsewhere, the path fails, whatever its
   * probe says.
   */
  failThreshold: z.int().min(1).max(1_000_000).default(4),
  /** Failures further apart than this do not add up to `failThreshold`. */
  failWindowMs: ms.min(1).default(60_000),
  /**
   * Attempts of one bio on all paths together: an I/O that no path accepts must not circulate forever (E6).
   */
  attemptsMax: z.int().min(1).max(10_000).default(64),
  /**
   * After EAGAIN or ENOMEM, I/O is tried on the same path again: after `resourceRetryMs`, at most
   * `resourceRetriesMax` times.
   */
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
   * Bytes that `head.alloc` may lend, in callers' hands and in flight together, and never more than half of
   * `poolBytes`: buffers that a program forgets must not use up the memory of all other I/O.
   */
  lentBytesMax: z
    .int()
    .min(0)
    .max(1024 * MiB)
    .default(32 * MiB),
  /** Bytes that may wait without a usable path. Above it callers wait in order, before they are queued. */
  requeueBytesMax: z
    .int()
    .min(4096)
    .max(1024 * MiB)
    .default(64 * MiB),
  /**
   * Callers that may wait for memory or for the queue; the next one is refused with QUEUE_FULL. A write that
   * waits is copied to memory beside the pool.
   */
  waitersMax: z.int().min(1).max(10_000_000).default(65_536),
  /**
   * Bytes of such copies, for each head; the next write is refused with QUEUE_FULL. A single write may be
   * larger.
   */
  waitersBytesMax: z
    .int()
    .min(4096)
    .max(16_384 * MiB)
    .default(256 * MiB),
  /** How often I/O counts are written to the ledger while there is I/O. */
  sampleMs: ms.min(1).default(1_000),
  /**
   * Which I/Os go to the ledger one by one, with every attempt: none, each `ioTraceEvery`th (`sampled`),
   * `ioTracePerSecond` of a head (`bounded`), or all (`full`). docs/tracing.md says what it costs.
   * `head.setTracing` changes it for one head.
   */
  ioTrace: z.enum(TRACE_MODES).default('off'),
  /** With `ioTrace` sampled: one I/O in this many is traced. */
  ioTraceEvery: z.int().min(1).max(1_000_000_000).default(100),
  /** With `ioTrace` bounded: the first `ioTracePerSecond` I/Os of a head in each second are traced. */
  ioTracePerSecond: z.int().min(1).max(1_000_000).default(100),
  /**
   * Rows per minute that the errors of one path may cause, besides its failures. Above it errors are only
   * counted.
   */
  errorRowsPerMinute: z.int().min(1).max(1_000_000).default(1_000),
  /** How long a gate waits for the ledger. After that `ledgerStall` says what happens to its I/O. */
  ledgerStallMs: ms.min(1).default(10_000),
  /**
   * `stop`: if the ledger does not take the event of a gate in time, the gate's I/O fails with
   * LEDGER_STALLED. `continue`: the I/O goes on without its record. The ledger records this when it can, and
   * the next start counts as one after an unclean end.
   */
  ledgerStall: z.enum(['stop', 'continue']).default('stop'),
  /**
   * Events that may wait for the ledger. Above it samples are dropped and counted; at twice this number the
   * engine stops.
   */
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
