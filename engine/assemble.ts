// What an engine is made of and opened with.
import { argumentInvalid, checkArguments, checkFields, shown } from '../errors/arguments.ts'
import { join } from 'node:path'
import { addressOf } from '../adapters/memory-address.ts'
import type { Clock, NewId, Random, Fence } from '../adapters/ports.ts'
import { seededRandom } from '../adapters/seeded-random.ts'
import { readBootId, systemClock, systemIds, systemPid, systemStateFolder } from '../adapters/system.ts'
import { PathledgerError } from '../errors.ts'
import type { LedgerState, LedgerStore } from '../store/types.ts'
import { behaviourAt, type HeaderFacts } from '../store/rows/header.ts'
import { openLunFile } from '../store/lun/lun-file.ts'
import type { Core, Log } from './core/core.ts'
import { Lender } from './memory/lender.ts'
import { BufferPool } from './memory/pool.ts'
import { Recorder } from './ledger/recorder.ts'
import type { NumaDistance } from './core/numa.ts'
import type { LunStorage } from './lun/lun.ts'
import type { SettingsInput } from './core/settings.ts'
import { VERSION, XSTATE_VERSION } from './core/version.ts'

/** How an engine is opened: its ledger, and every setting of docs/settings.md. Wrong ones are SETTINGS_INVALID. */
export interface MultipathOptions extends SettingsInput {
  /** The ledger's file, created when it is not there; or a store that is open already (the simulator's). */
  readonly ledger: string | LedgerStore
  /**
   * Folder of what the engines of a LUN share: its ghosts, its reservations, and who has its paths. Every engine of a LUN
   * needs the same one. Default: one for the machine, /var/lib/pathledger/luns for root, else pathledger/luns in the user's
   * state folder (XDG_STATE_HOME); PATHLEDGER_STATE names another place for both.
   */
  readonly lunFolder?: string
  /**
   * Who this engine is to the LUNs that it reserves, in every run (an initiator port's name; 1 to 128 letters, digits, '.',
   * '_', ':' and '-'). Default: the id of its ledger's first event, so that whoever has the ledger has the reservations.
   */
  readonly initiator?: string
  /** Where to listen for `pathledger show`, `path`, `drain` and `ghosts`; a Unix socket of mode 0600. Default: nowhere. */
  readonly controlSocket?: string
  /** A pino logger; without one nothing is logged. The ledger is the record either way. */
  readonly logger?: Log
  /**
   * Distances between NUMA nodes: a table of `numaNodes` rows and columns (10 is local, 255 out of reach), or a function.
   * Default 10 to itself and 20 to any other, as the kernel has it. {@link numaFromSysfs} reads this machine's.
   */
  readonly numaDistance?: NumaDistance
  /** Time, ids and what names this run. Default: the system's. With others a run is a function of its inputs. */
  readonly ports?: Partial<Ports>
}

const PORTS = {
  newId: 'call?',
  bootId: 'text?',
  pid: 'count?',
  stateFolder: 'file?',
  clock: 'clock?',
} as const
const MORE_PORTS = { allocate: 'call?', addressOf: 'call?', lunStorage: 'call?', fence: 'call?' } as const
const STORE = { append: 'call', read: 'call', head: 'call', subscribe: 'call', close: 'call' } as const
const LOG = { debug: 'call', info: 'call', warn: 'call', error: 'call' } as const

/** Throws ARGUMENT_INVALID for what an engine cannot be opened with; its settings are looked at by themselves. */
export function checkOpen(options: MultipathOptions): void {
  const call = 'Multipath.open'
  checkFields(call, 'options', options, { lunFolder: 'file?', controlSocket: 'file?', ports: 'object?' })
  const { ledger, ports = {}, logger, initiator } = options
  if (typeof ledger === 'string') checkArguments(call, { ledger }, { ledger: 'file' })
  else if (typeof ledger === 'object' && (ledger as unknown) !== null)
    checkFields(call, 'ledger', ledger, STORE)
  else
    throw argumentInvalid(
      call,
      `ledger is a file's name or an open store, and it was given ${shown(ledger)}.`,
    )
  if (logger !== undefined) checkFields(call, 'logger', logger, LOG)
  checkArguments(call, { initiator }, { initiator: 'text?' })
  checkArguments(call, { ...ports }, { ...PORTS, ...MORE_PORTS })
  if (ports.random !== undefined) checkFields(call, 'random', ports.random, { nextUint32: 'call' })
}

/** What an engine would else take from the machine. With others a run is a function of its inputs. */
export interface Ports {
  readonly clock: Clock
  readonly newId: NewId
  readonly bootId: string
  readonly pid: number
  /** Chooses the places that a check reads; default: a sequence of this run's own. */
  readonly random?: Random
  /** Memory for I/O, so many bytes; O_DIRECT needs it page-aligned, as the default is. */
  readonly allocate?: (bytes: number) => ArrayBuffer
  /** Where a memory lies, for the alignment of lent buffers and of the caller's own. Default: the machine's word. */
  readonly addressOf?: (memory: ArrayBufferLike) => number
  /** Folder of what pathledger keeps for the machine. */
  readonly stateFolder: string
  /** Opens what every engine of a LUN shares: ghosts, and who has its paths. */
  readonly lunStorage?: LunStorage
  /** Fences a path that failed and left ghosts; without it none is fenced. */
  readonly fence?: Fence
  /** For tests alone: switches the guards off (ghosts, memory kept for a hung attempt), to show what they are for. */
  readonly guardsOff?: boolean
}

/** Puts the shared part of an engine together; effects are wired up afterwards. */
export function createCore(
  store: LedgerStore,
  before: LedgerState,
  settings: Core['settings'],
  ports: Ports,
  log: Log,
  hooks: {
    onBroken: (error: PathledgerError) => void
    onDegraded: (why: string) => void
    onRecovered: (gap: { sinceUs: number; waited: number; dropped: number }) => void
    onWentOn: (gates: number) => void
  },
): Core {
  const versions = Object.entries(before.streams).map(([stream, { version }]) => [stream, version] as const)
  const { clock, newId, bootId } = ports
  const recorderPorts = {
    store,
    clock,
    newId,
    bootId,
    behaviour: behaviourAt(store),
    ledgerStallUs: Math.round(settings.ledgerStallMs * 1000),
    goesOn: settings.ledgerStall === 'continue',
    pendingMax: settings.ledgerPendingMax,
    position: before.position,
    ...hooks,
  }
  const recorder = new Recorder(recorderPorts, new Map(versions))
  const unset = () => {
    throw new Error('the engine is not put together yet')
  }
  const pool = new BufferPool(settings.poolBytes, ports.allocate)
  return {
    clock,
    random: ports.random ?? seededRandom(`${bootId} ${ports.pid}`),
    settings,
    recorder,
    pool,
    lender: new Lender(pool, settings, ports.addressOf ?? addressOf),
    log,
    broken: null,
    nextBio: 0,
    fence: ports.fence ?? null,
    guardsOff: ports.guardsOff ?? false,
    breakEngine: unset,
  }
}

/**
 * The engine's lasting name: given, or the one under which it has reserved before, or that of its ledger. Throws
 * INITIATOR_INVALID.
 */
export function initiatorOf(given: string | undefined, before: LedgerState, store: LedgerStore): string {
  const used = Object.entries(before.streams).flatMap(([name, { context }]) => {
    const { mine } = context
    return name.startsWith('reservation/') && typeof mine === 'string' && mine !== '' ? [mine] : []
  })
  const initiator = given ?? used[0] ?? store.read({ limit: 1 })[0]?.eventId ?? 'engine'
  if (/^[\w.:-]{1,128}$/.test(initiator)) return initiator
  throw new PathledgerError('INITIATOR_INVALID', {
    message: `'${initiator}' cannot be the name of an initiator.`,
    why: "A name is 1 to 128 letters, digits, '.', '_', ':' and '-'.",
    todo: 'Choose another name, and keep it: reservations are made under it.',
    errno: 'EINVAL',
  })
}

/** Whether the ledger's last run did not close. */
export function isRunning(before: LedgerState): boolean {
  const value = before.streams['engine']?.value
  return value !== undefined && value !== 'stopped'
}

/** The machine's own clock, ids and names. */
export function systemPorts(): Ports {
  const run = { bootId: readBootId(), pid: systemPid() }
  return { clock: systemClock, newId: systemIds(), ...run, stateFolder: systemStateFolder() }
}

/**
 * One for the machine unless said otherwise, whichever ledger an engine has: every engine of a LUN finds the same. A store
 * without a file is a program's own affair, and has none. What an older version kept beside the ledger is taken over.
 */
export function lunStorageOf(
  { ledger, lunFolder }: MultipathOptions,
  engineId: string,
  stateFolder: string,
): LunStorage | null {
  const folder = lunFolder ?? (typeof ledger === 'string' ? join(stateFolder, 'luns') : null)
  if (folder === null) return null
  const old = lunFolder === undefined && typeof ledger === 'string' ? [`${ledger}.luns`] : []
  // Memory dies with its process: no other engine, and none after it, can meet what it left there.
  return (wwid, kind) =>
    kind === 'memory' ? Promise.resolve(null) : openLunFile(folder, wwid, engineId, old)
}

/** What a new ledger says at position 1. */
export function ledgerFacts({ clock, newId, bootId }: Ports): { readonly header: HeaderFacts } {
  const times = { recordedAtUs: clock.wallUs(), monoUs: clock.monoUs() }
  return { header: { eventId: newId(), ...times, bootId, engine: VERSION, xstate: XSTATE_VERSION } }
}

function ignore(): void {
  // No logger was given.
}
/** For an engine without a logger. */
export const SILENT: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore }
