// What a seed is: its machines, its settings and its faults. Each seed picks its own mix (swarm testing): a run without
// removals finds other things than a run full of them.
import type { Random } from '../../adapters/ports.ts'
import type { SeededRandom } from '../../adapters/seeded-random.ts'
import { IO_POLICIES } from '../../machines/words.ts'
import type { SettingsInput } from '../../engine/core/settings.ts'

/** How late a write may land after its path has answered with an error, or its engine has died. */
export const LATENESS_MAX_US = 60_000
/** How long a gate waits for the ledger. */
export const LEDGER_STALL_US = 20_000
/** How long the engine waits for the storage of a LUN. */
export const LUN_STALL_US = 25_000

/**
 * What an error of a path is worth. final: nothing lands after it. late: it may land all the same. connection: it may land,
 * but never after the path has answered a later I/O.
 */
export type ErrorsAre = 'final' | 'late' | 'connection'

/**
 * What stands before the medium. array: one cache, of which the paths say nothing. inode: one cache, which they all say they
 * share. own: each path has its own, and it dies with the path's server.
 */
export type Caches = 'array' | 'inode' | 'own'

export interface Mix {
  readonly errorsAre: ErrorsAre
  /** A device is opened exclusively: not while the kernel holds I/O of an engine that is dead. */
  readonly claims: boolean
  readonly caches: Caches
  /** The storage that the engines of a LUN share hangs, and is cleaned away. */
  readonly storageFails: boolean
  /** Programs that are not ours open devices now and then (blkid, a monitor): then nobody can claim them. */
  readonly bystanders: boolean
  /** A failed path with ghosts is fenced. */
  readonly fences: boolean
  /** LUNs of the first host, and paths of each. */
  readonly luns: readonly number[]
  /** Paths of the second host to the first LUN; 0: there is no second host. */
  readonly rivalPaths: number
  /** Writes may be sent to blocks that other writes are on their way to. */
  readonly overlaps: boolean
  /** Microseconds between two steps, at the most. */
  readonly pauseUs: number
  /** One engine in so many dies while it is opened. */
  readonly diesInRecovery: number
  readonly settings: SettingsInput
}

/** Draws whole numbers below a bound, and picks. */
export function below(random: Random, bound: number): number {
  return random.nextUint32() % bound
}

export function pick<const Value>(random: Random, values: readonly [Value, ...Value[]]): Value {
  return values[below(random, values.length)] ?? values[0]
}

/** Everything about a seed that its actions do not decide. */
export function mixOf(seed: SeededRandom): Mix {
  const random = seed.fork('mix')
  const paths = () => 2 + below(random, 2)
  const mix = {
    errorsAre: pick(random, ['final', 'late', 'late', 'connection']),
    claims: below(random, 3) === 0,
    // Drawn apart, so that a seed is otherwise what it was before there were any.
    caches: pick(seed.fork('caches'), ['array', 'inode', 'own', 'own']),
    // Drawn apart as well, as everything that a seed may have besides.
    storageFails: below(seed.fork('storage'), 4) === 0,
    fences: below(random, 4) === 0,
    luns:
      below(random, 3) === 0 ? (below(random, 3) === 0 ? [2, 1, 1] : [2, 2]) : [paths() + below(random, 2)],
    rivalPaths: below(random, 2) === 0 ? 1 + below(random, 2) : 0,
    overlaps: below(random, 2) === 0,
    pauseUs: pick(random, [400, 400, 1_500, 5_000]),
    diesInRecovery: 4,
    settings: settingsOf(random),
  }
  return { ...mix, bystanders: mix.claims && below(seed.fork('bystanders'), 3) > 0 }
}

function settingsOf(random: Random): SettingsInput {
  const one = <Value>(in_: number, value: Value, otherwise: Value) =>
    below(random, in_) === 0 ? value : otherwise
  return {
    multipath: 'always',
    iopolicy: pick(random, IO_POLICIES),
    noPathRetry: pick(random, ['queue', 'queue', 'fail', 5]),
    noPathCheckMs: 50,
    delayedRemovalMs: one(2, 0, 200),
    reattachMs: one(2, 100, 30_000),
    checker: {
      minMs: 5,
      maxMs: 40,
      healthyMaxMs: one(4, 20, 0),
      reads: one(4, ['first', 'random', 'failed'], ['first', 'middle', 'last', 'failed']),
    },
    marginal: one(
      4,
      {
        on: true,
        windowMs: 20,
        windowIosMin: 5,
        sampleMs: 10,
        sampleIntervalMs: 1,
        recheckMs: 20,
        recheckMaxMs: 40,
        slowMs: one(2, 4, 0),
      },
      {},
    ),
    failback: pick(random, ['immediate', 'immediate', 'immediate', 'followover', 10]),
    restoreOnError: one(6, true, false),
    quantum: one(4, { unit: 'ios', size: 3 }, { unit: 'ios', size: 1 }),
    ioTrace: one(8, 'full', 'off'),
    failThreshold: one(3, 2, 4),
    probeTimeoutMs: 20,
    sampleMs: 25,
    numaNodes: 2,
    poolBytes: 1024 * 1024,
    requeueBytesMax: one(3, 4_096, 65_536),
    heldBytesMax: one(3, 4_096, 65_536),
    attemptTimeoutMs: 15,
    ghostHoldMaxMs: one(2, 30, 400),
    // Longer than anything is late in this world, so that time may stand for proof.
    ghostQuiesceMs: LATENESS_MAX_US / 1000 + 20,
    closeGraceMs: 10,
    reservationWaitMs: one(2, 20, 100),
    lunStallMs: LUN_STALL_US / 1000,
    fenceTimeoutMs: 10,
    ledgerStallMs: LEDGER_STALL_US / 1000,
    ledgerStall: one(2, 'stop', 'continue'),
    errorRowsPerMinute: 1_000_000,
  }
}
